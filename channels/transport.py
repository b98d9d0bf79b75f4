"""What every door out is: one verb, three outcomes, and doubt."""

from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from models.messages import Message, Receipt
from models.purchasing import Document


class MessageTransport(Protocol):
    """A way out for messages: one provider, or the local outbox."""

    async def send(self, message: Message) -> Receipt:
        """Hand the message over; return the receipt, or raise Rejected, SendError or InDoubt.

        Any other exception, a cancellation too, means the same as InDoubt.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


class DocumentTransport(Protocol):
    """A way out for purchase requests: one vendor."""

    async def send(self, document: Document) -> Receipt:
        """Hand the document over; return the receipt, or raise Rejected, SendError or InDoubt, as a Door does."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


@runtime_checkable
class DeliveryLookup(Protocol):
    """A door whose provider can be asked afterwards what it took."""

    async def find(self, message: Message, since: datetime) -> Receipt | None:
        """Return the receipt of a message taken at or after `since`; None where the records say it never was.

        No end is given: words are a notice's own, and an end could only hide what was taken. Raises SendError where
        the provider cannot be asked now, CannotAsk where its records do not answer, and Rejected where they say that
        it was taken and will not arrive.
        """
        ...


@runtime_checkable
class CredentialCheck(Protocol):
    """A door whose provider says whether it accepts the credentials, without sending anything."""

    async def check(self) -> str:
        """Return what the provider says of the account.

        Raises SendError: with `channel_down` where nothing would be sent, else where it cannot be asked now. Raises
        CannotAsk where the account has no right to ask.
        """
        ...


class PermanentFailure(Exception):
    """The provider will never take this message. Do not send it again.

    `code` is the provider's own; `suppress` says that the address must not be written to again.
    """

    def __init__(self, reason: str, *, code: str = "", suppress: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.code, self.suppress = reason, code, suppress


class TemporaryFailure(Exception):
    """The provider certainly did not take this message, and may later. Send it again, `retry_after` from now.

    `channel_down` says that no message of this channel will pass until somebody mends it: bad credentials, a
    suspended account, a channel filtered as spam. `tries` is how many more of them make sense; None: any number.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: str = "",
        retry_after: timedelta | None = None,
        channel_down: bool = False,
        tries: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.code, self.retry_after, self.channel_down = reason, code, retry_after, channel_down
        self.tries = tries


class OutcomeUnknown(Exception):
    """Nobody can know whether the provider took this message. Never send it again and hope; somebody has to look.

    It had left, or may have, when the line fell silent, broke, or gave an answer that settles nothing.
    """

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


class LookupUnavailable(Exception):
    """The provider's records do not say whether it took this message, and will not later. People have to look."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code
