"""Send all messages of a channel to one test address by the real provider, so that no customer gets any."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from channels.transport import DeliveryLookup, LookupUnavailable, MessageTransport, PermanentFailure
from models.enums import Channel
from models.messages import Message, Receipt


class RedirectTransport:
    """Sends every message of a channel to one address; its receipts are marked as `trial`.

    A mail's subject begins with the customer's address, masked by `mask`.
    """

    def __init__(self, transport: MessageTransport, to: str, mask: Callable[[str], str]) -> None:
        self._transport, self._to, self._mask = transport, to, mask

    async def send(self, message: Message) -> Receipt:
        try:
            receipt = await self._transport.send(self._redirected(message))
        except PermanentFailure as error:
            # `suppress` is about the test address; the customer's own must not be suppressed for it.
            raise PermanentFailure(error.reason, code=error.code) from error
        return replace(receipt, trial=True)

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        if not isinstance(self._transport, DeliveryLookup):
            raise LookupUnavailable("the provider keeps no records that can be asked")
        receipt = await self._transport.lookup(self._redirected(message), since)
        return None if receipt is None else replace(receipt, trial=True)

    async def close(self) -> None:
        await self._transport.close()

    def _redirected(self, message: Message) -> Message:
        subject = f"[for {self._mask(message.to)}] {message.subject}" if message.channel is Channel.EMAIL else ""
        return replace(message, to=self._to, to_name="", subject=subject)
