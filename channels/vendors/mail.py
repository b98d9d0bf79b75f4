"""Deliver purchase requests by the mail transport, with the lines as an attachment."""

from channels.transport import MessageTransport
from models.enums import Channel
from models.messages import Message, Receipt
from models.purchasing import Document

CATEGORY = "purchase"


class VendorMailTransport:
    """Mails documents to one vendor. The caller closes the mail transport."""

    def __init__(self, transport: MessageTransport, to: str, name: str) -> None:
        self._transport, self._to, self._name = transport, to, name

    async def send(self, document: Document) -> Receipt:
        return await self._transport.send(
            Message(
                id=document.id,
                channel=Channel.EMAIL,
                to=self._to,
                text=document.text,
                locale=document.locale,
                subject=document.subject,
                to_name=self._name,
                category=CATEGORY,
                attachments=(document.file,),
            )
        )

    async def close(self) -> None:
        pass
