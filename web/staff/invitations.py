"""Mail a person the link by which they set a password, where this installation sends mails."""

import uuid
from html import escape

from models.enums import Channel
from models.errors import ForewarnError
from models.messages import Message
from models.staff import Person
from web.staff.list_parts import sentence
from web.staff.visit import Visit

CATEGORY = "staff_invitation"
WORDS = """Hello {name},

{opening}

{link}

The link works once, and for three days. If you did not expect this mail, you need not do anything.

{shop}
"""


def mail_link(visit: Visit, person: Person, link: str, *, is_new: bool) -> tuple[bool, str]:
    """Mail a link to its person; return whether it left, and what to say: nothing where no mails are sent."""
    services = visit.desk.services
    if services.send_mail is None or not services.mails_arrive:
        return False, ""
    try:
        services.send_mail(_message(visit, person, link, is_new=is_new))
    except ForewarnError as error:
        return False, f"The link could not be mailed. {sentence(str(error))}"
    return True, f"The link was mailed to {person.mail}."


def _message(visit: Visit, person: Person, link: str, *, is_new: bool) -> Message:
    shop, who = visit.context.shop.name, visit.person.name
    opening = (
        f"{who} invites you to the desk of {shop}, where customer service sees what customers are told about late "
        "orders. Set your password here:"
        if is_new
        else f"{who} made a link for you, with which you set a new password for the desk of {shop}:"
    )
    text = WORDS.format(name=person.name, opening=opening, link=link, shop=shop)
    paragraphs = (escape(part) for part in text.strip().split("\n\n"))
    linked = f'<a href="{escape(link)}">{escape(link)}</a>'
    html = "".join(f"<p>{linked if part == escape(link) else part}</p>" for part in paragraphs)
    return Message(
        id=uuid.uuid4().hex,
        channel=Channel.EMAIL,
        to=person.mail,
        to_name=person.name,
        subject=f"Your account on the desk of {shop}" if is_new else f"A new password for the desk of {shop}",
        text=text,
        html=f'<!DOCTYPE html><html lang="en"><body>{html}</body></html>',
        category=CATEGORY,
    )
