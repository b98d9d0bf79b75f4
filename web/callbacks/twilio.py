"""Receive Twilio's callbacks: what became of texts, and texts that people send."""

from collections.abc import Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.callbacks import INBOUND_PATH, STATUS_PATH
from channels.callback_fields import BadCallback
from channels.signatures import BadSignature
from channels.sms.twilio import MESSAGE_PARAMETER
from channels.sms.twilio_callbacks import inbound_text, read_fields, read_form, status_callback
from channels.sms.twilio_signatures import SIGNATURE_HEADER, TwilioKeys, verify_form, verify_json
from models.callbacks import Callback
from web.callbacks.bodies import read_body
from web.callbacks.intake import Intake

MAX_BODY_BYTES = 64 * 1024
NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""TwiML that sends nothing back."""
Fields = Sequence[tuple[str, str]]


class TwilioEndpoints:
    """The endpoints. `url` is the public address: what was signed begins with it, whatever host a request names."""

    def __init__(self, url: str, keys: TwilioKeys, intake: Intake) -> None:
        self._url, self._keys, self._intake = url, keys, intake

    @property
    def routes(self) -> list[Route]:
        """The routes for a Starlette application."""
        return [
            Route(STATUS_PATH, self.status, methods=["POST"]),
            Route(INBOUND_PATH, self.inbound, methods=["POST"]),
        ]

    async def status(self, request: Request) -> Response:
        """Store what became of a text."""
        message_id = request.query_params.get(MESSAGE_PARAMETER, "")
        await self._store(request, STATUS_PATH, lambda fields: status_callback(fields, message_id))
        return Response(status_code=204)

    async def inbound(self, request: Request) -> Response:
        """Store a text that somebody sent. Nothing is sent back: Twilio has answered STOP, START and HELP."""
        await self._store(request, INBOUND_PATH, inbound_text)
        return Response(NO_ANSWER, media_type="text/xml")

    async def _store(self, request: Request, path: str, read: Callable[[Fields], Callback]) -> None:
        if not request.headers.get(SIGNATURE_HEADER):
            raise HTTPException(403)
        body = await read_body(request, MAX_BODY_BYTES)
        try:
            await self._intake.store([read(self._verified(request, path, body))])
        except BadSignature as error:
            raise HTTPException(403) from error
        except BadCallback as error:
            raise HTTPException(400, str(error)) from error

    def _verified(self, request: Request, path: str, body: bytes) -> Fields:
        """Return the fields of a genuine request; raises BadSignature and BadCallback."""
        query = request.scope["query_string"].decode("latin-1")  # as it was sent: decoded, it would not fit any more
        url = f"{self._url}{path}" + (f"?{query}" if query else "")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            verify_json(self._keys, url, request.headers, body)
            return read_fields(body)
        fields = read_form(body)
        verify_form(self._keys, url, request.headers, fields)
        return fields
