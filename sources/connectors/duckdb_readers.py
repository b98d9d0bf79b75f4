"""How DuckDB reads each kind of file: as a query whose rows know their file and line, where lines are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from sources.connectors.encodings import PACKED, UTF_8, as_utf8, marked, unpack
from sources.connectors.staging import Refuse, is_lines, stage_csv, stage_json_lines

PARQUET = b"PAR1"
OBJECT = 2**24
"""Bytes of one JSON object that DuckDB reads without being asked to."""
# DuckDB drops the offset of a moment and the case of a key, so what is text in JSON stays text.
TEXTS = ("date", "time", "uuid")

Readable = Callable[[duckdb.DuckDBPyConnection, Path, str, Path, Refuse, str | None], str]
"""Takes DuckDB, the file, its name, where a copy may lie, who hears of bad records, and the declared encoding."""


def quoted(value: object) -> str:
    """Write a value as SQL text."""
    return "'" + str(value).replace("'", "''") + "'"


def named(value: str) -> str:
    """Write a value as a name in SQL."""
    return '"' + value.replace('"', '""') + '"'


def columns_of(duck: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return the `columns` with which read_json keeps text as text, whatever it looks like."""
    found = duck.sql(query)
    types = {name: _type(kind) for name, kind in zip(found.columns, found.types, strict=True)}
    for name in [name for name, kind in types.items() if kind == "JSON"]:
        # Values of several types: text, unless there are objects or lists among them.
        inside = f"SELECT 1 FROM ({query}) WHERE json_type({named(name)}) IN ('OBJECT', 'ARRAY') LIMIT 1"  # noqa: S608
        if duck.execute(inside).fetchone() is None:
            types[name] = "VARCHAR"
    return "{" + ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in types.items()) + "}"


def _type(kind: Any) -> str:
    # Any: the stubs know children as types, lengths and words alike; these kinds have types only.
    match kind.id:
        case "list":
            return f"{_type(kind.children[0][1])}[]"
        case "struct":
            return f"STRUCT({', '.join(f'{named(name)} {_type(child)}' for name, child in kind.children)})"
        case "map":
            return f"MAP({', '.join(_type(child) for _, child in kind.children)})"
    return "VARCHAR" if kind.id.startswith((*TEXTS, "timestamp")) else str(kind)


def _delimited(
    _: duckdb.DuckDBPyConnection, file: Path, name: str, copy: Path, refuse: Refuse, declared: str | None
) -> str:
    names = stage_csv(file, name, copy, refuse, declared)
    types = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in names)
    return (
        f"FROM read_csv({quoted(copy)}, auto_detect = false, header = false, new_line = '\\n', "
        f"delim = ',', quote = '\"', escape = '\"', columns = {{{types}, '_file': 'VARCHAR', '_line': 'BIGINT'}})"
    )


def _json(duck: duckdb.DuckDBPyConnection, file: Path, name: str, copy: Path, refuse: Refuse, _: str | None) -> str:
    if lines := is_lines(file):
        stage_json_lines(file, name, copy, refuse)
        file = copy
    elif (encoding := marked(file)) not in (None, UTF_8):
        as_utf8(file, str(encoding), copy)
        file = copy
    elif lines is None or file.suffix.lower() == PACKED[1]:
        unpack(file, copy)
        file = copy
    how = {True: "newline_delimited", False: "array", None: "unstructured"}[lines]
    most = max(OBJECT, file.stat().st_size + 1) if lines is None else OBJECT
    call = f"FROM read_json({quoted(file)}, format = '{how}', maximum_object_size = {most}"
    # Types are taken from all rows, so that none can break the promise of an early one.
    return f"{call}, columns = {columns_of(duck, f'{call}, sample_size = -1)')})"


def _parquet(_: duckdb.DuckDBPyConnection, file: Path, name: str, copy: Path, __: Refuse, ___: str | None) -> str:
    with file.open("rb") as stream:
        # A name that ends in .gz or .gzip may also tell how Parquet is packed within.
        packed = stream.read(len(PARQUET)) != PARQUET and file.suffix.lower() in PACKED
    if packed:
        unpack(file, copy)
        file = copy
    return (
        f"FROM read_parquet({quoted(file)}, file_row_number = true) "
        f"SELECT * EXCLUDE (file_row_number), {quoted(name)} AS _file, file_row_number + 1 AS _line"
    )


READABLE: dict[str, Readable] = {
    "csv": _delimited,
    "tsv": _delimited,
    "txt": _delimited,
    "json": _json,
    "jsonl": _json,
    "ndjson": _json,
    "parquet": _parquet,
}
