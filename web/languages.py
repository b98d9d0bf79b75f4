"""Read which languages a request asks for."""

import re

from starlette.requests import Request

MAX_LANGUAGES, MAX_LANGUAGE_CHARS = 10, 35
"""The languages of one request that are read, and the characters of each: RFC 5646, section 4.4.1."""

_LANGUAGE_RANGE = re.compile(r"\s*([\w-]+|\*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")


def requested_languages(request: Request) -> list[str]:
    """Return the languages in the address, `?lang=`; without one those that the browser accepts, the best first."""
    languages = request.query_params.getlist("lang") or _accepted_languages(request.headers.get("accept-language", ""))
    return [name[:MAX_LANGUAGE_CHARS] for name in languages[:MAX_LANGUAGES]]


def _accepted_languages(header: str) -> list[str]:
    """Return the languages of an Accept-Language header by descending quality; RFC 9110, section 12.5.4."""
    ranges = header.split(",", 2 * MAX_LANGUAGES)[: 2 * MAX_LANGUAGES]
    matches = [match for match in map(_LANGUAGE_RANGE.fullmatch, ranges) if match]
    qualities = [(match[1], float(match[2] or 1)) for match in matches]
    return [name for name, quality in sorted(qualities, key=lambda pair: -pair[1]) if quality and name != "*"]
