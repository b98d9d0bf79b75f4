"""The transport protocol: one method with three outcomes of a send, and OutcomeUnknown for any other."""

from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from models.callbacks import Callback
from models.messages import Message, Receipt
from models.purchasing import Document


class MessageTransport(Protocol):
    """Sends messages by one provider, or to the local outbox."""

    async def send(self, message: Message) -> Receipt:
        """Hand a message to the provider; return the receipt.

        Raises PermanentFailure, TemporaryFailure or OutcomeUnknown. Any other exception, also a cancellation, counts as
        OutcomeUnknown.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class DocumentTransport(Protocol):
    """Sends purchase requests to one vendor."""

    async def send(self, document: Document) -> Receipt:
        """Hand a document to the vendor; return the receipt. Raises as `MessageTransport.send` does."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@runtime_checkable
class DeliveryLookup(Protocol):
    """A transport whose provider can be asked later which messages it took."""

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        """Return the receipt of a message taken at or after `since`; None when the records show that it was not.

        The search has no end time, because an end could only hide a message that was taken. Raises TemporaryFailure
        when the provider cannot be asked now, LookupUnavailable when its records cannot answer, and PermanentFailure
        when they say that the message was taken and will not arrive.
        """
        ...


@runtime_checkable
class ReportLookup(Protocol):
    """A transport whose provider can be asked what became of a message that it took."""

    async def report(self, message: Message, reference: str) -> Callback | None:
        """Return whether a message arrived, as a callback would tell it; None while the records do not say.

        `reference` is the provider's id of it. Raises TemporaryFailure when the provider cannot be asked now, and
        LookupUnavailable when it keeps no records that this account may read.
        """
        ...


@runtime_checkable
class CredentialCheck(Protocol):
    """A transport whose provider can confirm the credentials without sending anything."""

    async def check(self) -> str:
        """Return what the provider says about the account.

        Raises TemporaryFailure with `channel_down` when no message would be sent, without it when the provider cannot
        be asked now. Raises LookupUnavailable when the account may not ask.
        """
        ...


@runtime_checkable
class CredentialWarning(Protocol):
    """A transport whose credentials end on a day."""

    warning: str
    """What is to be done before that, once `check` has found it near; else empty."""


class PermanentFailure(Exception):
    """The provider will never take this message. Do not send it again.

    `code` is the provider's own; `suppress` means that the address must not be used again.
    """

    def __init__(self, reason: str, *, code: str = "", suppress: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.code, self.suppress = reason, code, suppress


class TemporaryFailure(Exception):
    """The provider certainly did not take this message, and may later. Send it again after `retry_after`.

    `channel_down` means that no message of this channel will be taken until a person repairs it: wrong credentials, a
    suspended account, a channel filtered as spam. `max_retries` limits the retries; None means no limit.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: str = "",
        retry_after: timedelta | None = None,
        channel_down: bool = False,
        max_retries: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.code, self.retry_after, self.channel_down = reason, code, retry_after, channel_down
        self.max_retries = max_retries


class OutcomeUnknown(Exception):
    """The provider may or may not have taken this message. Do not send it again: its records, or a person, decide.

    Raised when the request had left, or may have, and the answer was missing, cut off or unclear.
    """

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


class LookupUnavailable(Exception):
    """The provider's records cannot tell whether it took this message, now or later. A person has to look."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code
