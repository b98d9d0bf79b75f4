"""Sign the forms of the order page: what a form was made for cannot be changed, and nobody else can make one."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from itsdangerous import BadSignature, URLSafeSerializer

from models.errors import ForewarnError

SALT = "forewarn order page"
UNDO = "undo"
"""The act of a form that takes a choice back."""
WHY = "why"
"""The act of a form with the reason of a choice."""


class BadForm(ForewarnError):
    """Raised for a form token that was not signed here, or was made for another link or act."""


@dataclass(frozen=True, slots=True)
class FormToken:
    """What a form was made for: a link, an act, the order's version, and what each option stated."""

    link: str
    act: str
    version: int
    """Of a form about a choice that was made: the number of that choice."""
    stated: Mapping[str, str]
    """Digest by option; an act without options has the empty one."""
    form: str
    """Random id: a form that is sent twice is recorded once."""


class FormSigner:
    """Signs and reads form tokens with a key made from the installation's link secret."""

    def __init__(self, link_key: bytes) -> None:
        self._serializer = URLSafeSerializer(link_key, salt=SALT)

    def sign(self, link: str, act: str, version: int, stated: Mapping[str, str]) -> str:
        """Return the token of a new form."""
        token = FormToken(link, act, version, stated, secrets.token_urlsafe(16))
        return self._serializer.dumps(asdict(token))

    def read(self, signed: str, link: str, act: str) -> FormToken:
        """Return what a form was made for; raises BadForm."""
        try:
            token = FormToken(**self._serializer.loads(signed))
        except (BadSignature, TypeError) as error:
            raise BadForm("this form was not made here") from error
        if (token.link, token.act) != (link, act):
            raise BadForm("this form was made for another page")
        return token

    def read_about(self, fields: Mapping[str, str], link: str, act: str, number: int) -> None:
        """Check that a form was made for a choice by its number, and not for one that came later; raises BadForm."""
        if self.read(fields.get("form", ""), link, act).version != number:
            raise BadForm("this form was made for another choice")
