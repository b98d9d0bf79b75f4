"""Who may read the side panel: a bearer key, or a ticket system's signed first POST, exchanged for a short token."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import jwt
from jwt.types import Options

TOKEN_LASTS = timedelta(minutes=15)
LEEWAY = timedelta(seconds=60)
AUDIENCE = "forewarn panel"
OURS, SHARED, PUBLIC = "HS256", "HS256", "RS256"
PEM = "-----BEGIN"
MAX_TOKEN_CHARS = 8_000


class NoAccess(Exception):
    """Raised for a request without a right to read."""


@dataclass(frozen=True, slots=True)
class PanelKeys:
    """What lets somebody in."""

    bearer: tuple[str, ...] = ()
    """The keys of the JSON API."""
    signer: str = ""
    """By which the ticket system's POST is checked: a secret (HS256), or its public key as PEM (RS256)."""
    is_known: Callable[[str], bool] = lambda _: False
    """Looks up whether a text is another key, made on the desk."""
    own: bytes = field(default_factory=partial(secrets.token_bytes, 32), repr=False)
    audience: str = ""
    """Whom the ticket system's token must be for; empty: not checked, because a secret is shared with it alone."""

    @property
    def has_public_key(self) -> bool:
        """Return whether the ticket system signs with a key of its own, of which we have the public half."""
        return self.signer.lstrip().startswith(PEM)

    @property
    def secret(self) -> bytes:
        """Return the secret of our own tokens: only a server that has the same keys reads them.

        Where the settings have none, it is this process's own: a public key is no secret.
        """
        text = "\n".join(filter(None, [*self.bearer, "" if self.has_public_key else self.signer]))
        return hashlib.sha256(b"panel\0" + text.encode()).digest() if text else self.own


def has_bearer(keys: PanelKeys, authorization: str) -> bool:
    """Return whether a header has one of the keys."""
    scheme, _, given = authorization.partition(" ")
    digest = _digest(given.strip())
    # All are compared, so that the time says nothing about any key.
    fits = [hmac.compare_digest(digest, _digest(key)) for key in keys.bearer]
    return scheme.lower() == "bearer" and bool(given) and (any(fits) or keys.is_known(given.strip()))


def check_signed(keys: PanelKeys, token: str, now: datetime) -> None:
    """Check the token of a ticket system's POST; raises NoAccess.

    The algorithm is that of the configured key, whatever the token says, and a token without an end is refused.
    """
    if not keys.signer or len(token) > MAX_TOKEN_CHARS:
        raise NoAccess
    algorithm = PUBLIC if keys.has_public_key else SHARED
    _decode(token, keys.signer, algorithm, keys.audience, now)


def new_token(keys: PanelKeys, now: datetime) -> str:
    """Return a token that opens the panel for TOKEN_LASTS."""
    claims = {"aud": AUDIENCE, "exp": int((now + TOKEN_LASTS).timestamp())}
    return jwt.encode(claims, keys.secret, OURS)


def check_token(keys: PanelKeys, token: str, now: datetime) -> None:
    """Check one of our tokens; raises NoAccess."""
    if not token or len(token) > MAX_TOKEN_CHARS:
        raise NoAccess
    _decode(token, keys.secret, OURS, AUDIENCE, now, leeway=timedelta())


def allowed_hosts(keys: Collection[str]) -> str:
    """Return the value of `frame-ancestors`."""
    return " ".join(keys) or "'none'"


def _decode(
    token: str, key: str | bytes, algorithm: str, audience: str, now: datetime, leeway: timedelta = LEEWAY
) -> None:
    # The moment is the server's clock as it was given, so it is compared here.
    options: Options = {
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
        "verify_aud": bool(audience),
        "require": ["exp"],
    }
    try:
        claims = jwt.decode(token, key, [algorithm], options, audience=audience or None)
        ends, begins = float(claims["exp"]), float(claims.get("nbf", 0))
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise NoAccess from error
    moment = now.timestamp()
    if not begins - leeway.total_seconds() <= moment < ends + leeway.total_seconds():
        raise NoAccess


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
