"""What the order page asks of the ledger, as a Protocol: pages are tested without one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from models.customers import Act, Choice, OrderPage, SentMessage
from rules.contact.masking import mask_address
from rules.customers.statements import statement_digest
from tasks.context import Context
from tasks.customers.choice_tasks import give_reason
from tasks.customers.links import OpenedLink, open_link
from tasks.customers.new_links import send_new_link
from tasks.customers.order_page import load_order_page
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.customers.sent_words import SentWords, load_sent_words
from tasks.customers.stop_texts import numbers_of, stop_texts
from tasks.customers.undo import undo_choice
from tasks.db.sql import read_only

CUSTOMER = "customer"


class OrderService(Protocol):
    """Reads orders and records choices."""

    def open(self, token: str, now: datetime) -> OpenedLink | None:
        """Return what a token opens; None for one that opens nothing."""
        ...

    def load(self, order_id: str, now: datetime) -> OrderPage:
        """Return what the order's customer sees."""
        ...

    def digest(self, page: OrderPage, act: Act, option: str) -> str:
        """Return the digest of what a choice would do now."""
        ...

    def choose(self, request: ChoiceRequest, now: datetime) -> Choice:
        """Record a choice; raises ChoiceConflict or ChoiceNotPossible."""
        ...

    def undo(self, order_id: str, number: int, link_id: str, now: datetime) -> Choice:
        """Take a choice back; raises TooLate."""
        ...

    def give_reason(self, order_id: str, number: int, why: str) -> None:
        """Store why a customer chose so."""
        ...

    def read_message(self, message: SentMessage, token: str) -> SentWords:
        """Return a message's words, with the token in the links to the page."""
        ...

    def send_link(self, order_id: str, address: str, now: datetime) -> None:
        """Mail a new link, if the order was placed with this address; say nothing about whether it was."""
        ...

    def number(self, order_id: str) -> str | None:
        """Return the masked number that gets texts about an order; None where there is none."""
        ...

    def stop_texts(self, order_id: str, now: datetime) -> None:
        """Send no more texts to the order's customer."""
        ...


@dataclass(frozen=True, slots=True)
class LedgerOrders:
    """The orders in the ledger."""

    context: Context

    def open(self, token: str, now: datetime) -> OpenedLink | None:
        """Return what a token opens."""
        with read_only(self.context.engine) as connection:
            return open_link(self.context, connection, token, now)

    def load(self, order_id: str, now: datetime) -> OrderPage:
        """Return an order as it is."""
        as_of = now.astimezone(self.context.zone).date()
        with read_only(self.context.engine) as connection:
            return load_order_page(self.context, connection, order_id, as_of, now)

    def digest(self, page: OrderPage, act: Act, option: str) -> str:
        """Return the digest of what a choice states."""
        return statement_digest(page, act, option)

    def choose(self, request: ChoiceRequest, now: datetime) -> Choice:
        """Record a choice."""
        return record_choice(self.context, request, now)

    def undo(self, order_id: str, number: int, link_id: str, now: datetime) -> Choice:
        """Take a choice back."""
        return undo_choice(self.context, order_id, number, now, CUSTOMER, link_id)

    def give_reason(self, order_id: str, number: int, why: str) -> None:
        """Store a choice's reason."""
        give_reason(self.context, order_id, number, why)

    def read_message(self, message: SentMessage, token: str) -> SentWords:
        """Return the words of a message."""
        with read_only(self.context.engine) as connection:
            return load_sent_words(connection, message.id, token)

    def send_link(self, order_id: str, address: str, now: datetime) -> None:
        """Mail a new link."""
        send_new_link(self.context, order_id, address, now)

    def number(self, order_id: str) -> str | None:
        """Return the masked number of texts."""
        with read_only(self.context.engine) as connection:
            numbers = numbers_of(self.context, connection, order_id)
        return mask_address(numbers[0]) if numbers else None

    def stop_texts(self, order_id: str, now: datetime) -> None:
        """Stop texts."""
        stop_texts(self.context, order_id, now, CUSTOMER)
