"""The values of purchasing: what is needed of a vendor, what was asked of it, and the document that says so."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.messages import Attachment
from models.quantities import Quantity


class VendorChannel(StrEnum):
    """A way by which a purchase request goes."""

    MAIL = "mail"
    FOLDER = "folder"
    SFTP = "sftp"
    HTTP = "http"


IDEMPOTENT = frozenset({VendorChannel.FOLDER, VendorChannel.SFTP, VendorChannel.HTTP})
"""Ways on which a second copy is seen to be one: a file of the same name, a request with the same idempotency key."""


class VendorResponse(StrEnum):
    """What became of pieces that a vendor was asked for."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ASK_AGAIN = "ask_again"
    """Refused, or never taken, and staff let the pieces be asked for once more."""
    TOO_LATE = "too_late"
    """Accepted after the line was cancelled: not taken, and staff tell the vendor."""
    NOT_SENT = "not_sent"
    """Left out of the request before it left, for the pieces were not wanted then."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a vendor sends goods: the shop's warehouse, or a customer. Country: ISO code; empty: unknown."""

    recipient: str
    street: str
    postcode: str
    city: str
    country: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """Pieces that an open line wants from its product's vendor."""

    order: str
    line: str
    product: str
    vendor: str
    quantity: Quantity
    drop_shipped: bool = False
    addressed: bool = True
    """Whether it is known where they go; a vendor can send nothing to a customer without."""


@dataclass(frozen=True, slots=True)
class PriorRequest:
    """Pieces of a line that were requested before, at which attempt, and the vendor's response; None: not answered."""

    vendor: str
    quantity: Quantity
    attempt: int
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Pieces to ask a vendor for now."""

    need: Requirement
    quantity: Quantity
    attempt: int


@dataclass(frozen=True, slots=True)
class PurchaseItem:
    """A line of a purchase request, as its vendor reads it. A reminder's names the line and no more."""

    order: str
    line: str
    product: str = ""
    name: str = ""
    quantity: Quantity = 0
    drop_shipped: bool = False
    to: Address | None = None


@dataclass(frozen=True, slots=True)
class PurchaseRequestData:
    """A purchase request, or a reminder of one, before it is written as a document."""

    id: str
    vendor: str
    asked_on: date
    items: tuple[PurchaseItem, ...]
    reminds: str | None = None
    """The request that it reminds the vendor of."""

    @property
    def request(self) -> str:
        """Return the id of the request that an answer names."""
        return self.reminds or self.id


@dataclass(frozen=True, slots=True)
class Document:
    """A purchase request as a vendor gets it: a file, and words for the mail that carries it."""

    id: str
    """The same for every copy: a vendor that knows it has the request already."""
    file: Attachment
    subject: str
    text: str
    locale: str = "en"
