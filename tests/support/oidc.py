"""A company's OpenID provider on this machine: it signs real tokens, and a test says about whom."""

import base64
import hashlib
import json
import secrets
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from tests.support.serving import serving

CLIENT, SECRET = "desk", "the client's own secret"


class Company:
    """An OpenID provider with one person at its screen."""

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self.person = {"sub": "u-17", "email": "mara@company.example.com", "email_verified": True, "name": "Mara Lind"}
        self.changed: dict[str, object] = {}
        """Claims of the token that are not as they should be."""
        self.signing_key, self.header = self.key, {"alg": "RS256", "kid": "1"}
        self.issuer, self.codes, self.requests = "", {}, []

    @property
    def app(self):
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/keys", self.keys),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
            ]
        )

    @contextmanager
    def open(self):
        with serving(self.app) as url:
            self.issuer = url
            yield self

    async def metadata(self, _):
        at = self.issuer
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse({"issuer": at, **{name: f"{at}/{path}" for name, path in names.items()}})

    async def keys(self, _):
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request):
        given = dict(request.query_params)
        assert (given["response_type"], given["code_challenge_method"], given["client_id"]) == ("code", "S256", CLIENT)
        assert "openid" in given["scope"].split()
        code = secrets.token_urlsafe(8)
        self.codes[code] = given
        return RedirectResponse(f"{given['redirect_uri']}?code={code}&state={given['state']}", 302)

    async def token(self, request):
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        started = self.codes.pop(given.get("code", ""), None)
        verifier = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        user = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        is_right = (
            started and challenge == started["code_challenge"] and given["redirect_uri"] == started["redirect_uri"]
        )
        if not is_right or not user.startswith(CLIENT):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": started.get("nonce")}
        claims = {key: value for key, value in (claims | self.person | self.changed).items() if value is not None}
        token = jwt.encode(self.header, claims, self.signing_key, algorithms=[self.header["alg"]])
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": token})


def query_of(address):
    """Return the query of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def as_json(value):
    """Return a setting that holds JSON."""
    return json.dumps(value)
