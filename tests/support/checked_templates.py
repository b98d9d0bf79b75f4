"""The check of the built-in templates: each command `doctor` renders every sample, and for the same shop the same."""

from functools import wraps

from models.policy.words import WordPolicy
from templates.rendering import check


def remember_checks() -> None:
    """Let `find_errors` check the built-in templates once for each shop of this process; a shop's own, each time."""
    known = {}
    find_errors = check.find_errors

    @wraps(find_errors)
    def remembered(shop, own, messages=(), experiments=(), words=WordPolicy()):  # noqa: B008 - frozen
        named, trials = tuple(messages), tuple(experiments)
        if own is not None:
            return find_errors(shop, own, named, trials, words)
        key = shop.model_dump_json(), named, trials, words.model_dump_json()
        if key not in known:
            known[key] = find_errors(shop, None, named, trials, words)
        return list(known[key])

    check.find_errors = remembered
