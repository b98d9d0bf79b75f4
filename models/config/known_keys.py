"""Which keys a model knows at a place, so that a mistyped one is answered with the right one."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel


def no_such_key(model: type[BaseModel], place: Sequence[int | str]) -> str:
    """Say that there is no key at a place of a model, and which was meant, or else which there are."""
    *above, key = place
    known = _keys(model, above)
    near = get_close_matches(str(key), known, 1)
    return "there is no such key; " + (f"did you mean {near[0]}?" if near else f"{', '.join(known)} are right")


def _keys(model: type[BaseModel], above: Sequence[int | str]) -> list[str]:
    found = [model]
    for part in above:
        inner = [one for known in found if part in known.model_fields for one in _models_of(known, str(part))]
        # A place in a list, or a key of the shop's own choice, leads no deeper.
        found = inner or found
    return sorted({name for one in found for name in one.model_fields})


def _models_of(model: type[BaseModel], field: str) -> Iterator[type[BaseModel]]:
    yield from _models_in(model.model_fields[field].annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
