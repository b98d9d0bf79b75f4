"""The local outbox: write each message as a file, for trials and tests."""

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from email.charset import Charset
from email.encoders import encode_base64
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr
from pathlib import Path
from typing import Any

from channels.atomic_files import safe_file_name, write_atomically
from channels.headers import ascii_address, mail_domain, mail_headers, one_line
from channels.transport import PermanentFailure
from models.config.shop import Sender
from models.enums import Channel
from models.messages import Attachment, Message, Receipt

VIEWS = "views"
"""The folder of the pages that show mails."""
PICTURE = ".picture"
UTF8 = Charset("utf-8")
UTF8.body_encoding = None  # type: ignore[assignment]  # None means 8bit, which people can read in the file


class LocalOutbox:
    """Writes messages into a folder: `.eml` for mails, `.txt` for texts and posts, `.json` with the message's fields.

    The picture of a post is written beside it, as `.picture`.
    A message that is sent again replaces its files. `now` gives the mails' date; without it they have none.
    """

    def __init__(self, folder: Path, sender: Sender, now: Callable[[], datetime] | None = None) -> None:
        self._folder, self._sender, self._now = folder, sender, now
        self._from = formataddr((one_line(sender.name), ascii_address(sender.email)))
        self._domain = mail_domain(sender.email)

    async def send(self, message: Message) -> Receipt:
        is_mail = message.channel is Channel.EMAIL
        body = self._mail(message) if is_mail else message.text.encode()
        record = json.dumps(_record(message), default=str, ensure_ascii=False, indent=1).encode()
        path = location_of(self._folder, message)
        # The record is written last: where it exists, the message exists too.
        files = {path.with_suffix(".eml" if is_mail else ".txt"): body, path.with_suffix(".json"): record}
        if message.picture:
            files = {path.with_suffix(PICTURE): message.picture.content} | files
        write_atomically(files, f"the outbox {self._folder}", private=True)
        return Receipt(path.name, {"status": "kept"}, trial=True)

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        path = location_of(self._folder, message)
        # Without its record the message was not written completely, and is written again.
        return Receipt(path.name, {"status": "kept"}, trial=True) if path.with_suffix(".json").is_file() else None

    async def close(self) -> None:
        pass

    def _mail(self, message: Message) -> bytes:
        # The standard library's older classes: three times as fast as EmailMessage, with the same result.
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
        mail["X-Forewarn-Notice"] = one_line(message.id)
        for name, value in mail_headers(message, self._domain, safe_file_name).items():
            mail[name] = value
        if self._now:
            mail["Date"] = format_datetime(self._now())
        body = mail
        if message.attachments:
            body = MIMEMultipart("alternative", boundary=f"=={safe_file_name(message.id)}=words==")
            mail.attach(body)
        body.attach(_text_part(message.text, "plain"))
        if message.html:
            body.attach(_text_part(message.html, "html"))
        for file in message.attachments:
            mail.attach(_attachment_part(file))
        return mail.as_bytes()


def _text_part(text: str, kind: str) -> MIMENonMultipart:
    part = MIMENonMultipart("text", kind, charset="utf-8")
    part.set_payload(text, UTF8)
    return part


def _attachment_part(file: Attachment) -> MIMENonMultipart:
    kind, _, subtype = file.kind.partition("/")
    part = MIMENonMultipart(kind, subtype, charset="utf-8")
    part.add_header("Content-Disposition", "attachment", filename=one_line(file.name))
    part.set_payload(file.content)
    encode_base64(part)
    return part


def _record(message: Message) -> dict[str, object]:
    """Return the message's fields; of attachments and a picture only the words, because the content is beside them."""
    fields: dict[str, object] = asdict(replace(message, attachments=(), picture=None))
    if message.picture:
        fields["picture"] = {"kind": message.picture.kind, "description": message.picture.description}
    return fields | {"attachments": [file.name for file in message.attachments]}


def find_messages(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each message of an outbox: the path of its record, and its fields. Incomplete records are left out."""
    for record in sorted(folder.glob("*/??/*.json")):
        try:
            yield record, json.loads(record.read_bytes())
        except (OSError, ValueError):
            continue


def remove_message(folder: Path, record: Path) -> None:
    """Delete a message's files and its view."""
    # The record is deleted last: where it exists, the message is found again.
    view = folder / VIEWS / f"{record.stem}.html"
    for file in (view, *(record.with_suffix(suffix) for suffix in (PICTURE, ".eml", ".txt", ".json"))):
        file.unlink(missing_ok=True)


def location_of(folder: Path, message: Message) -> Path:
    """Return the path of a message's files, without a suffix.

    Messages are spread over 256 folders, because a folder with a hundred thousand files is slow to open.
    """
    return folder / message.channel / f"{zlib.crc32(message.id.encode()) & 0xFF:02x}" / safe_file_name(message.id)
