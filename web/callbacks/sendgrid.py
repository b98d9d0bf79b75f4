"""Receive the events of SendGrid's event webhook: what became of mails."""

import asyncio
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.callbacks import EVENTS_PATH
from channels.callback_fields import BadCallback
from channels.email.sendgrid_events import read_events
from channels.email.sendgrid_signatures import SIGNATURE_HEADER, PublicKey, verify
from channels.signatures import BadSignature
from web.callbacks.bodies import read_body
from web.callbacks.intake import Intake

MAX_BODY_BYTES = 4 * 1024 * 1024
"""SendGrid sends a body at 768 kB; its last event may be longer."""
MAX_CONCURRENT_BODIES = 32
"""Bodies in memory at once; other requests wait. A refused one would come again only after minutes."""


class SendGridEndpoint:
    """The endpoint, with the keys of which one must have signed."""

    def __init__(self, keys: Sequence[PublicKey], intake: Intake) -> None:
        self._keys, self._intake = keys, intake
        self._bodies = asyncio.Semaphore(MAX_CONCURRENT_BODIES)

    @property
    def routes(self) -> list[Route]:
        """The routes for a Starlette application."""
        return [Route(EVENTS_PATH, self.events, methods=["POST"])]

    async def events(self, request: Request) -> Response:
        """Store the events of one message."""
        if not request.headers.get(SIGNATURE_HEADER):
            raise HTTPException(403)
        async with self._bodies:
            await self._store(request)
        return Response(status_code=204)

    async def _store(self, request: Request) -> None:
        body = await read_body(request, MAX_BODY_BYTES)
        try:
            signed_at = verify(self._keys, request.headers, body)
            await self._intake.store(read_events(body, signed_at))
        except BadSignature as error:
            raise HTTPException(403) from error
        except BadCallback as error:
            raise HTTPException(400, str(error)) from error
