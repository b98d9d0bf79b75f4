"""LinkedIn's access token: it holds for 60 days, and is renewed where the app may do that (docs/networks.md).

By learn.microsoft.com/linkedin/shared/authentication: programmatic refresh tokens, and token introspection.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.headers import one_line
from channels.http_client import HttpClient, before_posting, read_json
from channels.transport import TemporaryFailure

RENEW_DAYS = 14
"""Days before its end from which `doctor` asks for another token."""


@dataclass(frozen=True, slots=True)
class LinkedInApp:
    """The app that the token was made for."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    """Empty: the app was not given one, and a person renews the token."""


class LinkedInToken:
    """The token in use, with what is known of its end."""

    def __init__(
        self, http: HttpClient, token: str, app: LinkedInApp | None, url: str, now: Callable[[], datetime]
    ) -> None:
        self._http, self._token, self._app, self._url, self._now = http, token, app, url.rstrip("/"), now
        self._lock = asyncio.Lock()

    @property
    def bearer(self) -> str:
        """Return the token as a header has it."""
        return f"Bearer {self._token}"

    @property
    def can_renew(self) -> bool:
        """Return whether another token can be asked for."""
        return self._app is not None and bool(self._app.refresh_token)

    async def replace(self, refused: str) -> bool:
        """Have another token in place of one that was refused; return whether there is one. Raises TemporaryFailure."""
        async with self._lock:
            if self.bearer == refused and self.can_renew:
                await self.renew()
            return self.bearer != refused

    async def renew(self) -> datetime | None:
        """Ask for another token; return until when this is possible, if it is known. Raises TemporaryFailure."""
        if self._app is None:
            raise TemporaryFailure("no app of LinkedIn is set", channel_down=True)
        body = await self._ask(
            "/oauth/v2/accessToken", {"grant_type": "refresh_token", "refresh_token": self._app.refresh_token}
        )
        self._token = _text(body, "access_token")
        seconds = body.get("refresh_token_expires_in")
        return self._now() + timedelta(seconds=seconds) if isinstance(seconds, int) else None

    async def end(self) -> datetime | None:
        """Return when the token ends; None where that is not known. Raises TemporaryFailure."""
        if self._app is None:
            return None
        body = await self._ask("/oauth/v2/introspectToken", {"token": self._token})
        moment = body.get("expires_at")
        return datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) else None

    async def ends_in(self) -> tuple[str, str]:
        """Return how long it holds, in words, and what to do about that; both may be empty. Raises TemporaryFailure."""
        renews = self.can_renew
        end = await self.renew() if renews else await self.end()
        if end is None:
            return ("it is renewed by itself" if renews else ""), ""
        days = (end - self._now()) // timedelta(days=1)
        until = f"{end.day} {end:%B %Y}"
        words = (
            f"it is renewed by itself until {until}, for {days:,} more days"
            if renews
            else f"the token ends on {until}, in {days:,} days"
        )
        setting = "FOREWARN_LINKEDIN_REFRESH_TOKEN" if renews else "FOREWARN_LINKEDIN_TOKEN"
        return words, f"make another one before, and set {setting}: docs/networks.md" if days <= RENEW_DAYS else ""

    async def _ask(self, path: str, asked: Mapping[str, str]) -> dict[str, Any]:
        if self._app is None:
            return {}
        form = {**asked, "client_id": self._app.client_id, "client_secret": self._app.client_secret}
        with before_posting():
            response = await self._http.request("POST", f"{self._url}{path}", data=form)
        body = await read_json(response)
        if response.status != 200:
            said = one_line(str(body.get("error_description") or body.get("error") or ""))
            is_refused = response.status in (400, 401, 403)
            reason = f"LinkedIn answered {response.status} to the app's request for a token: {said or 'no reason'}"
            raise TemporaryFailure(reason, code=str(response.status), channel_down=is_refused)
        return body


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not found or not found.isprintable():
        raise TemporaryFailure(f"LinkedIn answered without {name}", code="200")
    return found
