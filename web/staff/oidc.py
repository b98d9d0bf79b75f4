"""Sign in by the company's OpenID provider: the code flow with PKCE, state and nonce."""

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.company_sign_in import CompanySignInSettings
from models.errors import ForewarnError
from models.staff import Role
from tasks.staff.accounts import (
    Account,
    add_person,
    change_roles,
    find_account,
    find_subject,
    load_account,
    set_subject,
)
from tasks.staff.audit import MACHINE, record
from tasks.staff.sessions import end_sessions
from web.customer.visits import address_of
from web.staff.addresses import SIGN_IN, desk_address
from web.staff.desk import Desk, OpenRoute, TooManyTries
from web.staff.people import role_words
from web.staff.sign_in import enter, inside
from web.throttle import Throttle

COOKIE, SALT = "__Host-forewarn-oidc", "forewarn company sign-in"
LASTS_SECONDS = 600
KEYS_LAST_SECONDS = 3600
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures with a key pair: one with a shared secret could be made by whoever has the client's secret."""
STARTS = "60/10minutes"
REFUSALS = (AuthlibBaseError, JoseError, httpx.HTTPError, ValueError, KeyError, TypeError)


class NotLetIn(Exception):
    """Raised for a person whom the company knows and the desk does not let in; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What this browser started: kept in its cookie, signed, for ten minutes."""

    state: str
    nonce: str
    verifier: str
    following: str


class Provider:
    """The company's OpenID provider; what it publishes is read when it is first needed, and once an hour."""

    def __init__(self, settings: CompanySignInSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None

    @property
    def redirect_uri(self) -> str:
        """Return the address to which the provider sends people back."""
        return f"{self.settings.desk_url}{desk_address('oidc', 'back')}"

    def start(self, flow: Flow) -> str:
        """Return the provider's address at which a person signs in."""
        metadata, _ = self._published()
        return str(
            prepare_grant_uri(
                metadata["authorization_endpoint"],
                self.settings.client_id,
                "code",
                redirect_uri=self.redirect_uri,
                scope="openid email profile",
                state=flow.state,
                nonce=flow.nonce,
                code_challenge=create_s256_code_challenge(flow.verifier),
                code_challenge_method="S256",
            )
        )

    def finish(self, code: str, flow: Flow) -> Mapping[str, Any]:
        """Return the claims about the person whom a code stands for. Raises one of REFUSALS."""
        metadata, keys = self._published()
        token = self._exchange(metadata["token_endpoint"], code, flow.verifier)
        try:
            decoded = jwt.decode(token["id_token"], keys, algorithms=list(ALGORITHMS))
        except ValueError:
            # The provider may have a new key.
            _, keys = self._published(again=True)
            decoded = jwt.decode(token["id_token"], keys, algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
                "sub": {"essential": True},
                "exp": {"essential": True},
                "nonce": {"essential": True, "value": flow.nonce},
            },
            params={"nonce": flow.nonce, "client_id": self.settings.client_id},
        )
        claims.validate(leeway=60)
        return dict(claims)

    def _exchange(self, url: str, code: str, verifier: str) -> dict[str, Any]:
        settings = self.settings
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": self.redirect_uri,
        }
        # RFC 6749, 2.3.1: a client with a secret names itself in the header, one without in the body.
        secret = settings.client_secret
        auth = httpx.BasicAuth(quote_plus(settings.client_id), quote_plus(secret)) if secret else httpx.Auth()
        data |= {} if secret else {"client_id": settings.client_id}
        with httpx.Client(timeout=settings.timeout, trust_env=False) as client:
            answer = client.post(url, data=data, auth=auth)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _published(self, *, again: bool = False) -> tuple[dict[str, Any], KeySet]:
        with self._lock:
            if again or self._keys is None or time.monotonic() - self._read_at > KEYS_LAST_SECONDS:
                metadata = self._read(f"{self.settings.issuer}/.well-known/openid-configuration")
                if str(metadata["issuer"]).rstrip("/") != self.settings.issuer.rstrip("/"):
                    raise ValueError("the provider names another issuer")
                self._keys = KeySet.import_key_set(self._read(metadata["jwks_uri"]))  # type: ignore[arg-type]
                self._metadata, self._read_at = metadata, time.monotonic()
            return self._metadata, self._keys

    def _read(self, url: str) -> dict[str, Any]:
        answer = httpx.get(url, timeout=self.settings.timeout, follow_redirects=False, trust_env=False)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def open_routes(desk: Desk, provider: Provider, key: bytes) -> Sequence[OpenRoute]:
    """Return the link that starts a sign-in, and the address to which the provider sends people back."""
    signer = URLSafeTimedSerializer(key, salt=SALT)
    throttle = Throttle(STARTS)
    return [
        OpenRoute("/oidc", partial(start, desk, provider, signer, throttle)),
        OpenRoute("/oidc/back", partial(finish, desk, provider, signer, throttle)),
    ]


def start(
    desk: Desk, provider: Provider, signer: URLSafeTimedSerializer, throttle: Throttle, request: Request
) -> Response:
    """Send the person to the company's sign-in."""
    _check_throttle(desk, throttle, request)
    following = inside(request.query_params.get("next", ""))
    flow = Flow(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), following)
    try:
        response = RedirectResponse(provider.start(flow), 303)
    except REFUSALS as problem:
        return _refuse(desk, request, "The company's sign-in does not answer.", problem)
    signed = signer.dumps([flow.state, flow.nonce, flow.verifier, flow.following])
    response.set_cookie(COOKIE, str(signed), LASTS_SECONDS, path="/", secure=True, httponly=True, samesite="lax")
    return response


def finish(
    desk: Desk, provider: Provider, signer: URLSafeTimedSerializer, throttle: Throttle, request: Request
) -> Response:
    """Sign the person in whom the provider sent back."""
    _check_throttle(desk, throttle, request)
    try:
        flow = Flow(*signer.loads(request.cookies.get(COOKIE, ""), max_age=LASTS_SECONDS))
    except (BadSignature, TypeError):
        return _refuse(desk, request, "This sign-in was not started in this browser, or more than ten minutes ago.")
    given = request.query_params
    if not secrets.compare_digest(given.get("state", "").encode(), flow.state.encode()):
        return _refuse(desk, request, "This sign-in was not started in this browser.")
    if "code" not in given:
        return _refuse(desk, request, "The company's sign-in did not let you in.")
    try:
        claims = provider.finish(given["code"], flow)
    except REFUSALS as problem:
        return _refuse(desk, request, "The company's sign-in gave an answer that cannot be trusted.", problem)
    try:
        account = let_in(desk, provider.settings, claims)
    except NotLetIn as reason:
        return _refuse(desk, request, str(reason))
    response = enter(desk, request, account, flow.following, "signed in by the company's sign-in")
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


def let_in(desk: Desk, settings: CompanySignInSettings, claims: Mapping[str, Any]) -> Account:
    """Return the account of a person whom the company knows, and set their roles by its claim. Raises NotLetIn."""
    subject = f"{settings.issuer} {claims['sub']}"
    mail = str(claims.get("email", "")).lower() if claims.get("email_verified") is True else ""
    roles = _claimed_roles(settings, claims)
    with desk.context.engine.begin() as connection:
        account = find_subject(connection, subject)
        if account is None and mail:
            invited = find_account(connection, mail)
            # Only an invitation that nobody took: a password of somebody with this address stays theirs.
            if invited is not None and not invited.can_sign_in:
                set_subject(connection, invited.person.id, subject)
                account = load_account(connection, invited.person.id)
        if account is None and roles and mail and find_account(connection, mail) is None:
            person = add_person(connection, str(claims.get("name") or mail), mail, roles, desk.clock(), MACHINE)
            set_subject(connection, person.id, subject)
            account = load_account(connection, person.id)
            record(
                connection,
                at=desk.clock(),
                who=MACHINE,
                kind="invite",
                subject_kind="person",
                subject=person.id,
                what=f"added {person.name} as {role_words(roles)}",
                why="the company's sign-in says so",
                after={"roles": sorted(roles)},
            )
        if account is None:
            raise NotLetIn("You have no account on the desk. Ask an admin to invite your mail address.")
        if not settings.roles_claim or roles == account.person.roles != frozenset():
            return account
        account = _follow_claim(desk, connection, account, roles)
    if not roles:
        # Only now, so that the roles are gone, also for a password that they have.
        raise NotLetIn("None of your groups has a role on the desk. Ask an admin.")
    return account


def _follow_claim(desk: Desk, connection: Connection, account: Account, roles: frozenset[Role]) -> Account:
    """Set a person's roles by the company's claim, end their sessions, and return their account."""
    before = account.person
    if roles == before.roles:
        return account
    try:
        change_roles(connection, before.id, roles)
    except ForewarnError:
        return account  # the last admin stays one, or nobody could invite anybody
    end_sessions(connection, before.id)
    record(
        connection,
        at=desk.clock(),
        who=MACHINE,
        kind="roles",
        subject_kind="person",
        subject=before.id,
        what=f"changed the roles of {before.name} from {role_words(before.roles)} to {role_words(roles)}",
        why="the company's sign-in says so",
        before={"roles": sorted(before.roles)},
        after={"roles": sorted(roles)},
    )
    return load_account(connection, before.id) or account


def _check_throttle(desk: Desk, throttle: Throttle, request: Request) -> None:
    address = address_of(request)
    if seconds := throttle.seconds_to_wait(address):
        raise TooManyTries(seconds, desk.wait_sentence(seconds))
    throttle.count(address)


def _claimed_roles(settings: CompanySignInSettings, claims: Mapping[str, Any]) -> frozenset[Role]:
    groups = claims.get(settings.roles_claim, ()) if settings.roles_claim else ()
    given = [groups] if isinstance(groups, str) else groups if isinstance(groups, Sequence) else ()
    return frozenset(role for group in given for role in settings.roles.get(str(group), ()))


def _refuse(desk: Desk, request: Request, sentence: str, problem: Exception | None = None) -> Response:
    with desk.context.engine.begin() as connection:
        record(
            connection,
            at=desk.clock(),
            who=MACHINE,
            kind="sign_in_refused",
            subject_kind="person",
            subject="",
            what=f"refused a company sign-in: {sentence.rstrip('.').lower()}",
            after={"problem": type(problem).__name__} if problem else {},
        )
    return desk.bare_page(request, "You are not signed in", [sentence], 403, [(SIGN_IN, "Try again")])
