"""Values of purchasing: what lines need from vendors, what was requested, and the document that is sent."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.messages import Attachment
from models.quantities import Quantity


class VendorChannel(StrEnum):
    """A channel on which purchase requests are sent."""

    MAIL = "mail"
    FOLDER = "folder"
    SFTP = "sftp"
    HTTP = "http"


IDEMPOTENT = frozenset({VendorChannel.FOLDER, VendorChannel.SFTP, VendorChannel.HTTP})
"""Channels on which a vendor recognizes a second copy: by the file's name, or by the idempotency key of a request."""


class VendorResponse(StrEnum):
    """The response to a requested line, or why there will be none."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ASK_AGAIN = "ask_again"
    """Refused or never delivered, and reopened by staff: the next run may request the pieces again."""
    TOO_LATE = "too_late"
    """Accepted after the line was cancelled: it does not count, and staff tell the vendor."""
    NOT_SENT = "not_sent"
    """Left out of the request before it was sent, because the pieces were no longer needed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a vendor ships goods to. `country` is an ISO 3166-1 code; unknown parts are empty."""

    recipient: str
    street: str
    postcode: str
    city: str
    country: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """Pieces that an open line needs from its product's vendor."""

    order: str
    line: str
    product: str
    vendor: str
    quantity: Quantity
    drop_shipped: bool = False
    addressed: bool = True
    """Whether the delivery address is known. A drop-shipped line cannot be requested without it."""


@dataclass(frozen=True, slots=True)
class PriorRequest:
    """Pieces of a line that were requested before, the attempt, and the VendorResponse; None without a response."""

    vendor: str
    quantity: Quantity
    attempt: int
    response: str | None = None


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Pieces of a line to request now; `attempt` counts the requests for the line from 1."""

    need: Requirement
    quantity: Quantity
    attempt: int


@dataclass(frozen=True, slots=True)
class PurchaseItem:
    """A line of a purchase request as its vendor reads it. In a reminder only `order` and `line` are filled."""

    order: str
    line: str
    product: str = ""
    name: str = ""
    quantity: Quantity = 0
    drop_shipped: bool = False
    deliver_to: Address | None = None


@dataclass(frozen=True, slots=True)
class PurchaseRequestData:
    """The content of a purchase request or of a reminder."""

    id: str
    vendor: str
    asked_on: date
    items: tuple[PurchaseItem, ...]
    reminder_of: str | None = None
    """The id of the request that a reminder is about."""

    @property
    def request(self) -> str:
        """Return the id of the request that a response names."""
        return self.reminder_of or self.id


@dataclass(frozen=True, slots=True)
class Document:
    """A purchase request as it is sent: a file, and the text of the mail that carries it."""

    id: str
    """The same for every copy, so that a vendor recognizes a request it has already."""
    file: Attachment
    subject: str
    text: str
    locale: str = "en"
