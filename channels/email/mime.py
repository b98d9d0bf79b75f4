"""Write a mail as MIME, for transports that take the finished mail: RFC 5322, 2046, 3834 and 8058."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from channels.headers import ascii_address, one_line, unsubscribe_headers
from models.config.shop import Sender
from models.messages import Message


def message_id(id: str, sender: Sender) -> str:  # noqa: A002 - the message's own name
    """Return the Message-ID of a message: the same at each try, so that a copy can be told as one."""
    return f"<{id}@{ascii_address(sender.email).rpartition('@')[2]}>"


def mime_bytes(message: Message, sender: Sender, now: datetime) -> bytes:
    """Return a mail with its text, its HTML and its files."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=78))
    mail["From"] = _person(sender.email, sender.name)
    mail["To"] = _person(message.to, message.to_name)
    if sender.reply_to:
        mail["Reply-To"] = _person(sender.reply_to)
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(message.id, sender)
    # Answering machines answer no mail with it (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.locale.replace("_", "-")
    for name, value in unsubscribe_headers(message.unsubscribe_url).items():
        mail[name] = value
    mail.set_content(message.text, cte="quoted-printable")
    if message.html:
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    for file in message.attachments:
        kind, _, subtype = file.kind.partition("/")
        mail.add_attachment(file.content, maintype=kind, subtype=subtype, filename=one_line(file.name))
    return mail.as_bytes()


def _person(address: str, name: str = "") -> Address:
    return Address(display_name=one_line(name), addr_spec=ascii_address(address))
