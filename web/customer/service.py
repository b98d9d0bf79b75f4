"""What the order page asks of the ledger, as a Protocol: pages are tested without one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from models.customers import Act, Choice, OrderPage, SentMessage


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that opens an order's page now."""

    link_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class MessageWords:
    """A message as it was sent; `html` is empty for a text."""

    text: str
    html: str


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """A choice as its form was shown: the order's version then, and the digest of what it said."""

    order_id: str
    link_id: str
    act: Act
    option: str
    form_id: str
    version: int
    stated: str


class OrderService(Protocol):
    """Reads orders and records choices."""

    def open(self, token: str, now: datetime) -> Opened | None:
        """Return what a token opens; None for one that opens nothing."""
        ...

    def load(self, order_id: str, now: datetime) -> OrderPage:
        """Return what the order's customer sees."""
        ...

    def digest(self, page: OrderPage, act: Act, option: str) -> str:
        """Return the digest of what a choice would do now."""
        ...

    def choose(self, form: ChoiceForm, now: datetime) -> Choice:
        """Record a choice; raises NotChosen."""
        ...

    def undo(self, order_id: str, number: int, now: datetime) -> Choice:
        """Take a choice back; raises NotChosen."""
        ...

    def read_message(self, message: SentMessage, token: str) -> MessageWords:
        """Return a message's words, with the token in the links to the page."""
        ...

    def send_link(self, order_id: str, address: str, now: datetime) -> None:
        """Mail a new link, if the order was placed with this address; say nothing about whether it was."""
        ...


class ChoiceConflict(Exception):
    """Raised where another choice was faster; `standing` is what holds."""

    def __init__(self, standing: Choice) -> None:
        super().__init__(standing.id)
        self.standing = standing


class NotPossible(Exception):
    """Raised where a choice cannot be recorded; `page` is the order as it is."""

    def __init__(self, page: OrderPage) -> None:
        super().__init__(page.order_id)
        self.page = page


class StatementChanged(NotPossible):
    """What the form said is not what would be done now."""


class TooLate(NotPossible):
    """The warehouse has taken the goods."""


class SubstituteGone(NotPossible):
    """The product in stock was taken by somebody else."""


class NotOffered(NotPossible):
    """The choice is not offered for this order."""
