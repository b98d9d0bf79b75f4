"""Purchase requests by mail, through whichever door mails go, with the lines attached."""

from channels.transport import MessageTransport
from models.enums import Channel
from models.messages import Message, Receipt
from models.purchasing import Document

CATEGORY = "purchase"


class VendorMailTransport:
    """Write to one vendor; the mail's door is its owner's to close."""

    def __init__(self, door: MessageTransport, to: str, name: str) -> None:
        self._door, self._to, self._name = door, to, name

    async def send(self, document: Document) -> Receipt:
        return await self._door.send(
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
