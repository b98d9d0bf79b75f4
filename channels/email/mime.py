"""Write a mail as MIME, for transports that take the finished mail: RFC 5322, 2046, 3834 and 8058."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from channels.headers import ascii_address, mail_domain, mail_headers, one_line
from models.config.shop import Sender
from models.messages import Message


def message_id(id: str, sender: Sender) -> str:  # noqa: A002 - the message's own name
    """Return the Message-ID of a message."""
    return f"<{id}@{mail_domain(sender.email)}>"


def mime_bytes(message: Message, sender: Sender, now: datetime) -> bytes:
    """Return a mail with its text, its HTML and its files."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=78))
    mail["From"] = _person(sender.email, sender.name)
    mail["To"] = _person(message.to, message.to_name)
    if sender.reply_to:
        mail["Reply-To"] = _person(sender.reply_to)
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = format_datetime(now)
    mail["Content-Language"] = message.locale.replace("_", "-")
    for name, value in (mail_headers(message, mail_domain(sender.email)) | _labels(message)).items():
        mail[name] = value
    mail.set_content(message.text, cte="quoted-printable")
    if message.html:
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    for file in message.attachments:
        kind, _, subtype = file.kind.partition("/")
        mail.add_attachment(file.content, maintype=kind, subtype=subtype, filename=one_line(file.name))
    return mail.as_bytes()


def _labels(message: Message) -> dict[str, str]:
    """Return what a relay or a mailbox may sort mails by; nothing of it is about a person."""
    given = {"X-Forewarn-Message": one_line(message.category), "X-Forewarn-Days-Late": message.days_group}
    return {name: value for name, value in given.items() if value}


def _person(address: str, name: str = "") -> Address:
    return Address(display_name=one_line(name), addr_spec=ascii_address(address))
