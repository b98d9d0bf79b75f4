"""The local outbox: every message as a file, for trials, tests and looking before leaping."""

import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from email.charset import Charset
from email.encoders import encode_base64
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr
from pathlib import Path

from channels.atomic_files import safe_file_name, write_atomically
from channels.headers import ascii_address, one_line
from channels.transport import PermanentFailure
from models.config.shop import Sender
from models.enums import Channel
from models.messages import Attachment, Message, Receipt

UTF8 = Charset("utf-8")
UTF8.body_encoding = None  # type: ignore[assignment]  # None is 8bit: a mail in a folder is there to be read


class LocalOutbox:
    """Keep messages in a folder: `.eml` for mails, `.txt` for texts and posts, and `.json` with what was handed over.

    A message that comes again takes its own place. `now` dates the mails; without it they bear no date.
    """

    def __init__(self, folder: Path, sender: Sender, now: Callable[[], datetime] | None = None) -> None:
        self._folder, self._sender, self._now = folder, sender, now
        self._from = formataddr((one_line(sender.name), ascii_address(sender.email)))
        self._domain = ascii_address(sender.email).rpartition("@")[2]

    async def send(self, message: Message) -> Receipt:
        is_mail = message.channel is Channel.EMAIL
        body = self._mail(message) if is_mail else message.text.encode()
        record = json.dumps(_told(message), default=str, ensure_ascii=False, indent=1).encode()
        place = location_of(self._folder, message)
        # The record comes last, so that whoever finds it finds the message beside it.
        files = {place.with_suffix(".eml" if is_mail else ".txt"): body, place.with_suffix(".json"): record}
        write_atomically(files, f"the outbox {self._folder}", private=True)
        return Receipt(place.name, {"status": "kept"}, trial=True)

    async def find(self, message: Message, since: datetime) -> Receipt | None:
        place = location_of(self._folder, message)
        # The record is the last to be written: without it the message never was whole, and is written anew.
        return Receipt(place.name, {"status": "kept"}, trial=True) if place.with_suffix(".json").is_file() else None

    async def close(self) -> None:
        pass

    def _mail(self, message: Message) -> bytes:
        # The older classes of the standard library: three times as fast as EmailMessage, with the same outcome.
        kind = "mixed" if message.attachments else "alternative"
        mail = MIMEMultipart(kind, boundary=f"=={safe_file_name(message.id)}==")
        mail["From"] = self._from
        try:
            mail["To"] = formataddr((one_line(message.to_name), one_line(message.to)))
        except UnicodeEncodeError as error:
            raise PermanentFailure("the mail's address has letters that mail servers do not take") from error
        if self._sender.reply_to:
            mail["Reply-To"] = ascii_address(self._sender.reply_to)
        mail["Subject"] = Header(one_line(message.subject), header_name="Subject").encode()
        mail["Message-ID"] = f"<{safe_file_name(message.id)}@{self._domain}>"
        mail["X-Forewarn-Notice"] = one_line(message.id)
        if self._now:
            mail["Date"] = format_datetime(self._now())
        words = mail
        if message.attachments:
            words = MIMEMultipart("alternative", boundary=f"=={safe_file_name(message.id)}=words==")
            mail.attach(words)
        words.attach(_part(message.text, "plain"))
        if message.html:
            words.attach(_part(message.html, "html"))
        for file in message.attachments:
            mail.attach(_attached(file))
        return mail.as_bytes()


def _part(text: str, kind: str) -> MIMENonMultipart:
    part = MIMENonMultipart("text", kind, charset="utf-8")
    part.set_payload(text, UTF8)
    return part


def _attached(file: Attachment) -> MIMENonMultipart:
    kind, _, detail = file.kind.partition("/")
    part = MIMENonMultipart(kind, detail, charset="utf-8")
    part.add_header("Content-Disposition", "attachment", filename=one_line(file.name))
    part.set_payload(file.content)
    encode_base64(part)
    return part


def _told(message: Message) -> dict[str, object]:
    """Return what was handed over; files lie in the mail itself."""
    return asdict(replace(message, attachments=())) | {"attachments": [file.name for file in message.attachments]}


def location_of(folder: Path, message: Message) -> Path:
    """Return where a message is kept, without a suffix.

    It is one of 256 folders, for a folder with a hundred thousand files is slow to open.
    """
    return folder / message.channel / f"{zlib.crc32(message.id.encode()) & 0xFF:02x}" / safe_file_name(message.id)
