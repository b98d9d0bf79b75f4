"""Purchase requests by HTTP: a signed POST of JSON with an idempotency key."""

from collections.abc import Callable, Mapping
from datetime import datetime

from channels.headers import one_line
from channels.http_client import FailureKind, HttpClient, classify_status, failure_for, read_json, retry_after
from channels.vendors.signatures import HEADER, sign
from models.messages import Receipt
from models.purchasing import Document

STATUSES: Mapping[int, FailureKind] = {
    408: FailureKind.LATER,  # the server gave up waiting for the request (RFC 9110, 15.5.9)
    409: FailureKind.LATER,  # the same key is being worked on (draft-ietf-httpapi-idempotency-key-header, 2.7)
    425: FailureKind.LATER,  # too early to risk a replay (RFC 8470)
}


class VendorHttpTransport:
    """Post documents to one vendor's address.

    A doubt may be tried again: the vendor knows a second copy by its `Idempotency-Key`, which is the request's id.
    """

    def __init__(self, url: str, key: str, *, now: Callable[[], datetime], timeout: float = 15) -> None:
        self._url, self._key, self._now = url, key, now
        self._wire = HttpClient(timeout, parallel=2)

    async def send(self, document: Document) -> Receipt:
        body = document.file.content
        headers = {
            "Content-Type": document.file.kind,
            "Idempotency-Key": document.id,
            HEADER: sign(self._key, body, self._now()),
        }
        response = await self._wire.request("POST", self._url, data=body, headers=headers)
        told = await read_json(response)
        if response.status // 100 == 2:
            return Receipt(one_line(str(told.get("reference", "")))[:200] or document.id, {"status": "accepted"})
        words = one_line(str(told.get("error", "")))[:300] or response.reason
        reason = f"the vendor answered {response.status}: {words}"
        wait = retry_after(response.headers)
        raise failure_for(classify_status(response.status, STATUSES), reason, code=response.status, wait=wait)

    async def close(self) -> None:
        await self._wire.close()
