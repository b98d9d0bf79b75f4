"""The forms of the desk: bound to a session and a page, sent once, and read with what is wrong in them."""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from itsdangerous import BadSignature, URLSafeSerializer

from models.errors import ForewarnError
from models.staff import AuditEntry
from templates.rendering.names import strip_control_chars

SALT = "forewarn desk"
TOKEN = "form"  # noqa: S105 - the name of a field
MAX_TEXT_CHARS = 2_000
MAX_LINES_CHARS = 70_000
"""Of a text of several lines: more than any network takes, so that a longer one is refused and none is cut."""
MAX_NUMBER = 1_000_000_000


class BadForm(ForewarnError):
    """Raised for a form that was not made for this session and page."""


class FormSigner:
    """Signs forms with a session's token, which only the person's browser and this request have."""

    def __init__(self, session_token: str) -> None:
        self._key = session_token.encode("utf-8", "surrogatepass")
        self._serializer = URLSafeSerializer(session_token, salt=SALT)

    def sign(self, action: str) -> str:
        """Return the token of a new form that is sent to an address."""
        return str(self._serializer.dumps([action.partition("?")[0], secrets.token_urlsafe(16)]))

    def read(self, signed: str, action: str) -> str:
        """Return a form's unique id; raises BadForm for one of another session or page."""
        try:
            made_for, form_id = self._serializer.loads(signed)
        except (BadSignature, TypeError, ValueError) as error:
            raise BadForm("this form was not made here") from error
        if made_for != action or not isinstance(form_id, str):
            raise BadForm("this form was made for another page")
        return form_id

    def secret(self, form_id: str) -> str:
        """Return a secret that is always the same for a form of this session, and that nobody else can know."""
        made = hmac.digest(self._key, f"secret of {form_id}".encode(), "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong in a field, in a sentence."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it was sent. What is wrong is collected, and shown with the form again."""

    id: str
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Of routes that take a file: its content, by the name of its field."""
    done: AuditEntry | None = None
    """What this form did when it was sent before; only routes that say `repeats` get such a form."""

    def text(self, name: str, default: str = "") -> str:
        """Return a text without spaces around it; the default where the field was not sent."""
        given = self.fields.get(name)
        return clean(given[0]) if given else default

    def lines(self, name: str, default: str = "") -> str:
        """Return a text of several lines."""
        given = self.fields.get(name)
        if not given:
            return default
        return "\n".join(clean(line, MAX_LINES_CHARS) for line in given[0][:MAX_LINES_CHARS].splitlines()).strip()

    def whole(self, name: str, message: str = "Enter a whole number.") -> int | None:
        """Return a whole number; None for an empty field, and for another text, which is an error."""
        text = self.text(name)
        if re.fullmatch(r"[+-]?\d{1,10}", text, re.ASCII) and abs(int(text)) <= MAX_NUMBER:
            return int(text)
        if text:
            self.wrong(name, message)
        return None

    def day(self, name: str, message: str = "Enter a date, such as 2025-12-16.") -> date | None:
        """Return a date; None for an empty field, and for another text, which is an error."""
        text = self.text(name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self.wrong(name, message)
            return None

    def all(self, name: str) -> list[str]:
        """Return each value of a field, of checkboxes for example."""
        return [clean(value) for value in self.fields.get(name, ())]

    def password(self, name: str) -> str:
        """Return a password as it was typed."""
        return next(iter(self.fields.get(name, ())), "")

    def needed(self, name: str, message: str) -> str:
        """Return a text; an empty one is an error."""
        text = self.text(name)
        if not text:
            self.wrong(name, message)
        return text

    def wrong(self, name: str, message: str) -> None:
        """Add what is wrong with a field."""
        self.errors.append(FieldError(name, message))

    def error(self, name: str) -> str:
        """Return what is wrong with a field; empty: nothing."""
        return next((each.message for each in self.errors if each.name == name), "")


NEW = Form("")
"""A form that nobody has filled in."""


def clean(text: str, most: int = MAX_TEXT_CHARS) -> str:
    """Return a text that can be stored and shown, at most so many characters of it."""
    printable = strip_control_chars(text.encode("utf-8", "ignore").decode()[:most])
    return printable.strip()
