"""Weighing a social post as X does."""

import importlib.resources
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

AT_MOST = 280


def _parser() -> Callable[[str], Any]:
    # twitter_text reads its emoji table through pkg_resources, which setuptools brings no more.
    def resource_string(module: str, name: str) -> bytes:
        return importlib.resources.files(module.rpartition(".")[0]).joinpath(name).read_bytes()

    stand_in = ModuleType("pkg_resources")
    stand_in.__dict__["resource_string"] = resource_string
    before = sys.modules.get(stand_in.__name__)
    sys.modules[stand_in.__name__] = stand_in
    try:
        from twitter_text import parse_tweet
    finally:
        if before is None:
            del sys.modules[stand_in.__name__]
        else:
            sys.modules[stand_in.__name__] = before
    return parse_tweet  # type: ignore[no-any-return]


_parse = _parser()


def weight(text: str) -> int:
    """Return a post's weighted characters, of which X takes 280: a link counts 23, most ideographs and emoji 2."""
    return int(_parse(text).weightedLength)
