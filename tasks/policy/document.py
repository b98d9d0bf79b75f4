"""Change values in the text of `policy.toml`: comments, order and all that did not change stay as they are."""

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import time
from decimal import Decimal
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item
from tomlkit.toml_document import TOMLDocument

from models.errors import BadShop

BUCKET, TRIAL = "bucket", "experiment"


def change_policy(
    text: str,
    changes: Mapping[str, Any],
    buckets: Sequence[Mapping[str, Any]] | None = None,
    trials: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """Return the text with other values.

    `changes` is by place, as `contact.slip_days`; None removes the key. `buckets` are all rows of the table of days
    late with their keys, and `trials` all trials of wordings; None leaves the table alone. Raises BadShop for
    a text that is no TOML.
    """
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise BadShop(f"policy.toml: not valid TOML: {error}") from error
    if buckets is not None:
        _change_rows(document, BUCKET, buckets)
    if trials is not None:
        _change_rows(document, TRIAL, trials)
    for path, value in changes.items():
        section, _, key = path.partition(".")
        if section not in document:
            if value is None:
                continue
            document[section] = tomlkit.table()
        _change(document[section], key, value)
    return tomlkit.dumps(document)


def policy_data(text: str) -> dict[str, Any]:
    """Return the values of a text of `policy.toml`. Raises BadShop."""
    try:
        return tomlkit.parse(text).unwrap()
    except TOMLKitError as error:
        raise BadShop(f"policy.toml: not valid TOML: {error}") from error


def _change(table: MutableMapping[str, Any], key: str, value: Any) -> None:
    if value is None:
        table.pop(key, None)
        return
    present = table.get(key)
    if isinstance(value, Mapping) and isinstance(present, MutableMapping):
        for name in [name for name in present if name not in value]:
            del present[name]
        for name, each in value.items():
            _change(present, name, each)
    elif present is None or _plain(present) != _plain(value):
        table[key] = _item(value)


def _plain(value: Any) -> Any:
    """Return a value as it compares with another one: `21:00` is the same as a text and as a time of day."""
    if isinstance(value, Item):
        value = value.unwrap()
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _item(value: Any) -> Any:
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for name, each in value.items():
            table[name] = _item(each)
        return table
    if isinstance(value, Decimal):
        return tomlkit.value(f"{value:f}")
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, list | tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, str) else value


def _change_rows(document: TOMLDocument, name: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows in their order; a row that is known by its name keeps its comments and its other keys."""
    present = document.get(name)
    known = {str(row["name"]): row for row in present} if isinstance(present, AoT) else {}
    rows = [known.get(one["name"], tomlkit.table()) for one in wanted]
    for row, one in zip(rows, wanted, strict=True):
        for key, value in one.items():
            # A key that is not written has its default; it stays away while the value is that.
            _change(row, key, value)
    if (
        isinstance(present, AoT)
        and len(present) == len(rows)
        and all(a is b for a, b in zip(present, rows, strict=True))
    ):
        return
    if not rows:
        document.pop(name, None)
        return
    table = tomlkit.aot()
    for row in rows:
        table.append(row)
    document[name] = table
