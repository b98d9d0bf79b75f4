"""Verify that a callback is Twilio's (twilio.com/docs/usage/security)."""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from twilio.request_validator import HMAC_SHA1, HMAC_SHA256, RequestValidator, get_signature_algorithm

from channels.signatures import BadSignature

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
"""Names the algorithm where a shared key signs in place of the account's token."""
BODY_DIGEST = "bodySHA256"
"""Parameter of the address of a JSON body: its digest. The address alone is signed then."""
FormFields = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TwilioKeys:
    """The secrets that may sign; an empty one signs nothing."""

    auth_token: str = field(default="", repr=False)
    shared_key: str = field(default="", repr=False)


class _Fields(dict[str, list[str]]):
    """Form fields by name. The validator asks for `getlist`: a plain dict would lose all values of a name but one."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def verify_form(keys: TwilioKeys, url: str, headers: Mapping[str, str], fields: FormFields) -> None:
    """Verify a form posted to `url`, the address as Twilio was given it; raises BadSignature."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for name, value in fields:
        by_name[name].append(value)
    _verify(keys, url, headers, _Fields(by_name))


def verify_json(keys: TwilioKeys, url: str, headers: Mapping[str, str], body: bytes) -> None:
    """Verify a JSON body posted to `url`; raises BadSignature."""
    # Not left to the validator: it raises TypeError for a body whose address has no digest, wants the body as text, and
    # compares the digests in a time that depends on them.
    expected = parse_qs(urlsplit(url).query).get(BODY_DIGEST, [""])[0]
    if not hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), expected.encode()):
        raise BadSignature(f"the body is not that of {BODY_DIGEST} in the address")
    _verify(keys, url, headers, _Fields())


def _verify(keys: TwilioKeys, url: str, headers: Mapping[str, str], fields: _Fields) -> None:
    signature, settings = headers.get(SIGNATURE_HEADER, "").strip(), headers.get(SETTINGS_HEADER, "")
    algorithm = str(get_signature_algorithm(settings)).upper()
    if algorithm not in (HMAC_SHA1, HMAC_SHA256):  # the validator would write the header into the log
        raise BadSignature(f"{SETTINGS_HEADER} names an unknown algorithm")
    # Twilio's own libraries take a header that names no algorithm as none: the token has signed then.
    key = keys.shared_key if "algorithm" in settings else keys.auth_token
    if not key or not signature:  # an empty key would sign for everybody; the validator wants a text to compare
        raise BadSignature(f"{SIGNATURE_HEADER} is missing, or there is no key for it")
    try:
        genuine = RequestValidator(key).validate(url, fields, signature, algorithm)
    except ValueError as error:  # an address that cannot be read
        raise BadSignature("the address cannot be read") from error
    if not genuine:
        raise BadSignature(f"{SIGNATURE_HEADER} does not fit the address and the body")
