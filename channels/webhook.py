"""Deliver webhook events by an HTTP POST of JSON, signed as Standard Webhooks specifies."""

from collections.abc import Callable, Mapping
from datetime import datetime

from channels.headers import one_line
from channels.http_client import JSON_TYPE, FailureKind, HttpClient, failure_for, read_json, retry_after
from channels.signatures import sign
from models.messages import Receipt

STATUSES: Mapping[int, FailureKind] = {
    410: FailureKind.PERMANENT,  # by Standard Webhooks: the receiver wants no more of these
}
"""Every other answer but a success is temporary: the receiver knows an event that comes again by its id."""
PARALLEL = 4
"""Simultaneous requests to the shop's own server."""


class WebhookTransport:
    """Posts events to one URL. Each copy of an event has the same `webhook-id`."""

    def __init__(self, url: str, secret: str, *, now: Callable[[], datetime], timeout: float = 15) -> None:
        self._url, self._secret, self._now = url, secret, now
        self._http = HttpClient(timeout, PARALLEL)

    async def send(self, event_id: str, body: bytes) -> Receipt:
        """Post an event; return the receipt. Raises as `MessageTransport.send` does."""
        headers = JSON_TYPE | sign(self._secret, event_id, body.decode(), self._now())
        response = await self._http.request("POST", self._url, data=body, headers=headers)
        if response.status // 100 == 2:
            return Receipt(event_id)
        answer = await read_json(response)
        details = one_line(str(answer.get("error", "")))[:300] or one_line(response.reason or "")[:300]
        reason = f"the webhook's receiver answered {response.status}: {details}"
        kind = STATUSES.get(response.status, FailureKind.TEMPORARY)
        raise failure_for(kind, reason, code=response.status, wait=retry_after(response.headers))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
