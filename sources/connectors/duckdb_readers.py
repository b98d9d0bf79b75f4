"""Build the DuckDB query for each kind of file, with the file and line of each row where lines are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from sources.connectors.encodings import GZIP_SUFFIXES, UTF_8, copy_as_utf8, decompress, encoding_of_mark
from sources.connectors.staging import RejectRecord, is_json_lines, stage_csv, stage_json_lines

PARQUET_MAGIC = b"PAR1"
DEFAULT_MAX_OBJECT_BYTES = 2**24
"""DuckDB's default of `maximum_object_size`."""
# DuckDB drops the offset of a moment and the case of a UUID, so text in JSON stays text.
TEXT_TYPES = ("date", "time", "uuid")

QueryBuilder = Callable[[duckdb.DuckDBPyConnection, Path, str, Path, RejectRecord, str | None], str]
"""Arguments: DuckDB, the file, its name, a path for a copy, a function for bad records, the declared encoding."""


def quote_text(value: object) -> str:
    """Return a value as a string literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def quote_name(value: str) -> str:
    """Return a value as a quoted identifier of SQL."""
    return '"' + value.replace('"', '""') + '"'


def text_columns(duck: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return the `columns` argument with which read_json keeps text as text, even when it looks like a date."""
    relation = duck.sql(query)
    types = {name: _type(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    for name in [name for name, kind in types.items() if kind == "JSON"]:
        # Values of several types are text, unless there are objects or lists among them.
        nested = f"SELECT 1 FROM ({query}) WHERE json_type({quote_name(name)}) IN ('OBJECT', 'ARRAY') LIMIT 1"  # noqa: S608
        if duck.execute(nested).fetchone() is None:
            types[name] = "VARCHAR"
    return "{" + ", ".join(f"{quote_text(name)}: {quote_text(kind)}" for name, kind in types.items()) + "}"


def _type(kind: Any) -> str:
    # Any: in the stubs, children may also be lengths and names. Those of these kinds are types.
    match kind.id:
        case "list":
            return f"{_type(kind.children[0][1])}[]"
        case "struct":
            return f"STRUCT({', '.join(f'{quote_name(name)} {_type(child)}' for name, child in kind.children)})"
        case "map":
            return f"MAP({', '.join(_type(child) for _, child in kind.children)})"
    return "VARCHAR" if kind.id.startswith((*TEXT_TYPES, "timestamp")) else str(kind)


def _delimited(
    _: duckdb.DuckDBPyConnection, file: Path, name: str, copy: Path, reject: RejectRecord, declared: str | None
) -> str:
    names = stage_csv(file, name, copy, reject, declared)
    types = ", ".join(f"{quote_text(column)}: 'VARCHAR'" for column in names)
    return (
        f"FROM read_csv({quote_text(copy)}, auto_detect = false, header = false, new_line = '\\n', "
        f"delim = ',', quote = '\"', escape = '\"', columns = {{{types}, '_file': 'VARCHAR', '_line': 'BIGINT'}})"
    )


def _json(
    duck: duckdb.DuckDBPyConnection, file: Path, name: str, copy: Path, reject: RejectRecord, _: str | None
) -> str:
    if lines := is_json_lines(file):
        stage_json_lines(file, name, copy, reject)
        file = copy
    elif (encoding := encoding_of_mark(file)) not in (None, UTF_8):
        copy_as_utf8(file, str(encoding), copy)
        file = copy
    elif lines is None or file.suffix.lower() == GZIP_SUFFIXES[1]:
        decompress(file, copy)
        file = copy
    json_format = {True: "newline_delimited", False: "array", None: "unstructured"}[lines]
    max_bytes = (
        DEFAULT_MAX_OBJECT_BYTES if lines is not None else max(DEFAULT_MAX_OBJECT_BYTES, file.stat().st_size + 1)
    )
    call = f"FROM read_json({quote_text(file)}, format = '{json_format}', maximum_object_size = {max_bytes}"
    # Types are detected from all rows, so that a late row cannot contradict the types of the first ones.
    return f"{call}, columns = {text_columns(duck, f'{call}, sample_size = -1)')})"


def _parquet(_: duckdb.DuckDBPyConnection, file: Path, name: str, copy: Path, __: RejectRecord, ___: str | None) -> str:
    with file.open("rb") as stream:
        # A Parquet file that is compressed inside may also be named .gz or .gzip.
        compressed = stream.read(len(PARQUET_MAGIC)) != PARQUET_MAGIC and file.suffix.lower() in GZIP_SUFFIXES
    if compressed:
        decompress(file, copy)
        file = copy
    return (
        f"FROM read_parquet({quote_text(file)}, file_row_number = true) "
        f"SELECT * EXCLUDE (file_row_number), {quote_text(name)} AS _file, file_row_number + 1 AS _line"
    )


QUERY_BUILDERS: dict[str, QueryBuilder] = {
    "csv": _delimited,
    "tsv": _delimited,
    "txt": _delimited,
    "json": _json,
    "jsonl": _json,
    "ndjson": _json,
    "parquet": _parquet,
}
