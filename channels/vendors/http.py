"""Deliver purchase requests by an HTTP POST of JSON, signed as Standard Webhooks specifies."""

from collections.abc import Callable, Mapping
from datetime import datetime

from channels.headers import one_line
from channels.http_client import FailureKind, HttpClient, classify_status, failure_for, read_json, retry_after
from channels.signatures import sign
from models.messages import Receipt
from models.purchasing import Document

STATUSES: Mapping[int, FailureKind] = {
    409: FailureKind.TEMPORARY,  # the vendor is still working on an earlier copy of the same message
}


class VendorHttpTransport:
    """Posts documents to one vendor's URL.

    A request in doubt can be sent again: every copy has the request's id as `webhook-id`, so the vendor recognises it.
    """

    def __init__(self, url: str, secret: str, *, now: Callable[[], datetime], timeout: float = 15) -> None:
        self._url, self._secret, self._now = url, secret, now
        self._http = HttpClient(timeout, parallel=2)

    async def send(self, document: Document) -> Receipt:
        body = document.file.content
        signed = sign(self._secret, document.id, body.decode(), self._now())
        headers = {"Content-Type": document.file.kind, **signed}
        response = await self._http.request("POST", self._url, data=body, headers=headers)
        answer = await read_json(response)
        if response.status // 100 == 2:
            return Receipt(one_line(str(answer.get("reference", "")))[:200] or document.id, {"status": "accepted"})
        details = one_line(str(answer.get("error", "")))[:300] or response.reason
        reason = f"the vendor answered {response.status}: {details}"
        wait = retry_after(response.headers)
        raise failure_for(classify_status(response.status, STATUSES), reason, code=response.status, wait=wait)

    async def close(self) -> None:
        await self._http.close()
