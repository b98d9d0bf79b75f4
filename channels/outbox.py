"""The local outbox: every message as a file, for trials, tests and looking before leaping."""

import errno
import json
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from email.charset import Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr
from pathlib import Path

from channels.door import Rejected, SendError
from channels.headers import ascii_address, one_line
from models.shopfolder import Sender
from models.values import Channel, Message, Receipt

PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EINTR}
"""What a disk may get over; anything else, such as a missing right, stops the outbox until somebody mends it."""

UTF8 = Charset("utf-8")
UTF8.body_encoding = None  # type: ignore[assignment]  # None is 8bit: a mail in a folder is there to be read


class Outbox:
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
        record = json.dumps(asdict(message), default=str, ensure_ascii=False, indent=1).encode()
        place = place_of(self._folder, message)
        try:
            # The record comes last, so that whoever finds it finds the message beside it.
            _keep({place.with_suffix(".eml" if is_mail else ".txt"): body, place.with_suffix(".json"): record})
        except OSError as error:
            reason = f"the outbox {self._folder} cannot be written: {error.strerror}"
            code = errno.errorcode.get(error.errno or 0, "")
            raise SendError(reason, code=code, channel_down=error.errno not in PASSING) from error
        return Receipt(place.name, {"status": "kept"})

    async def find(self, message: Message, since: datetime) -> Receipt | None:
        place = place_of(self._folder, message)
        # The record is the last to be written: without it the message never was whole, and is written anew.
        return Receipt(place.name, {"status": "kept"}) if place.with_suffix(".json").is_file() else None

    async def close(self) -> None:
        pass

    def _mail(self, message: Message) -> bytes:
        # The older classes of the standard library: three times as fast as EmailMessage, with the same outcome.
        mail = MIMEMultipart("alternative", boundary=f"=={_file_name(message.id)}==")
        mail["From"] = self._from
        try:
            mail["To"] = formataddr((one_line(message.to_name), one_line(message.to)))
        except UnicodeEncodeError as error:
            raise Rejected("the mail's address has letters that mail servers do not take") from error
        if self._sender.reply_to:
            mail["Reply-To"] = ascii_address(self._sender.reply_to)
        mail["Subject"] = Header(one_line(message.subject)).encode()
        mail["Message-ID"] = f"<{_file_name(message.id)}@{self._domain}>"
        mail["X-Forewarn-Notice"] = one_line(message.id)
        if self._now:
            mail["Date"] = format_datetime(self._now())
        mail.attach(_part(message.text, "plain"))
        if message.html:
            mail.attach(_part(message.html, "html"))
        return mail.as_bytes()


def _part(text: str, kind: str) -> MIMENonMultipart:
    part = MIMENonMultipart("text", kind, charset="utf-8")
    part.set_payload(text, UTF8)
    return part


def place_of(folder: Path, message: Message) -> Path:
    """Return where a message is kept, without a suffix.

    It is one of 256 folders, for a folder with a hundred thousand files is slow to open.
    """
    return folder / message.channel / f"{zlib.crc32(message.id.encode()) & 0xFF:02x}" / _file_name(message.id)


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", lambda odd: f"={ord(odd[0]):x}=", text) or "="


def _keep(files: dict[Path, bytes]) -> None:
    parts = {path.with_name(f".{path.name}.part"): path for path in files}
    try:
        for part, path in parts.items():
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(files[path])
        for part, path in parts.items():
            part.replace(path)
    except OSError:
        for part in parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise
