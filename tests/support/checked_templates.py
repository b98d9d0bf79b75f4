"""The check of the built-in templates: each command `doctor` renders every sample, and for the same shop the same."""

import hashlib
from functools import wraps
from pathlib import Path

from models.policy.words import WordPolicy
from templates.rendering import check

_shared: list[Path] = []


def share_checks(folder: Path) -> None:
    """Keep in a folder what was checked without a fault, for all processes of these tests."""
    folder.mkdir(exist_ok=True)
    _shared[:] = [folder]


def remember_checks() -> None:
    """Let `find_errors` check the built-in templates once for each shop of these tests; a shop's own, each time."""
    known = {}
    find_errors = check.find_errors

    @wraps(find_errors)
    def remembered(shop, own, messages=(), experiments=(), words=WordPolicy()):  # noqa: B008 - frozen
        named, trials = tuple(messages), tuple(experiments)
        if own is not None:
            return find_errors(shop, own, named, trials, words)
        key = shop.model_dump_json(), named, trials, words.model_dump_json()
        if key not in known:
            known[key] = _checked_elsewhere(repr(key), lambda: find_errors(shop, None, named, trials, words))
        return list(known[key])

    check.find_errors = remembered


def _checked_elsewhere(key, find_errors):
    name = hashlib.sha256(key.encode()).hexdigest()
    if any((folder / name).exists() for folder in _shared):
        return []
    found = find_errors()
    if not found:
        for folder in _shared:
            (folder / name).touch()
    return found
