"""Resolve the read_csv, read_json and read_parquet calls of a shop's SELECT.

DuckDB would look for the files in the working directory, supports few encodings, and drops UTC offsets in JSON.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from models.fields import codec
from sources.connectors.duckdb_readers import quote_text, text_columns
from sources.connectors.encodings import UTF_8, copy_as_utf8, encoding_of_mark

READ_CALLS = re.compile(
    r"""(\bread_(?:csv|json|parquet|ndjson)\w*\s*\(\s*)(\[[^\]]*\]|'(?:[^'\n]|'')+')""",
    re.IGNORECASE,
)
JSON_READERS = ("read_json", "read_json_auto", "read_ndjson", "read_ndjson_auto")

FilesOf = Callable[[str], list[Path]]
NewCopy = Callable[[], Path]


def parse_sql(duck: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """Return the syntax tree of one SELECT."""
    return json.loads(_call(duck, "json_serialize_sql", sql))


def to_sql(duck: duckdb.DuckDBPyConnection, tree: Any) -> str:
    """Return the SQL text of a syntax tree."""
    return _call(duck, "json_deserialize_sql", json.dumps(tree))


def _call(duck: duckdb.DuckDBPyConnection, function: str, value: str) -> str:
    # The value is part of the SQL text: for a parameter DuckDB imports pandas, half a second and 70 MB.
    sql = f"SELECT {function}({quote_text(value)})"
    row = duck.execute(sql).fetchone()
    if row is None:
        raise LookupError(sql)
    return str(row[0])


def resolve_read_calls(
    duck: duckdb.DuckDBPyConnection, sql: str, data: Path, files_of: FilesOf, new_copy: NewCopy
) -> str:
    """Return a SELECT whose calls read files of the data folder, or copies of them in UTF-8.

    Raises ValueError for an unknown encoding, or a file that is not in its encoding.
    """
    if not READ_CALLS.search(sql):
        return sql
    tree = parse_sql(duck, sql)
    if tree["error"]:
        return READ_CALLS.sub(lambda call: call[1] + quote_text(data / call[2].strip("'")), sql)
    for call in _calls(tree):
        arguments = call["children"]
        encoding = codec(next((_value(argument) for argument in arguments if _key(argument) == "encoding"), UTF_8))
        is_json = call["function_name"].lower() in JSON_READERS
        names = _names(arguments[0])
        paths = [
            _in_utf8(file, encoding_of_mark(file) if is_json else None, encoding, new_copy)
            for name in names
            for file in files_of(name)
        ]
        if paths and encoding != UTF_8:
            arguments[:] = [argument for argument in arguments if _key(argument) != "encoding"]
        if names:
            arguments[0] = _expression(
                duck, f"[{', '.join(quote_text(path) for path in paths or [data / n for n in names])}]"
            )
        if is_json and all(_key(argument) != "columns" for argument in arguments):
            _keep_text(duck, arguments, call["function_name"])
    return to_sql(duck, tree)


def _calls(tree: Any) -> Iterator[Any]:
    """Yield the read calls with arguments in a syntax tree."""
    if isinstance(tree, dict):
        call = tree["function"] if tree.get("type") == "TABLE_FUNCTION" else None
        if call and call["children"] and READ_CALLS.match(f"{call['function_name']}('x'"):
            yield call
        for child in tree.values():
            yield from _calls(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _calls(child)


def _names(argument: Any) -> list[str]:
    """Return the file names in the first argument of a call: one, or a list of them."""
    parts = argument["children"] if argument.get("function_name") == "list_value" else [argument]
    return [str(part["value"]["value"]) for part in parts if part["class"] == "CONSTANT"]


def _key(argument: Any) -> str:
    """Return the name of an argument written as name = value or name := value."""
    if argument["type"] == "COMPARE_EQUAL":
        return str(argument["left"].get("column_names", [""])[-1]).lower()
    return str(argument["alias"]).lower()


def _value(argument: Any) -> str:
    constant = argument["right"] if argument["type"] == "COMPARE_EQUAL" else argument
    return str(constant["value"]["value"]) if constant["class"] == "CONSTANT" else UTF_8


def _in_utf8(file: Path, mark: str | None, encoding: str, new_copy: NewCopy) -> Path:
    """Return the file, or a copy in UTF-8. DuckDB does not recognize JSON after a byte order mark."""
    if encoding == UTF_8 and mark is None:
        return file
    copy = new_copy()
    try:
        copy_as_utf8(file, mark or encoding, copy)
    except ValueError as error:
        raise ValueError(f"{file.name} {error}") from error
    return copy


def _expression(duck: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return parse_sql(duck, f"SELECT {sql}")["statements"][0]["node"]["select_list"][0]


def _keep_text(duck: duckdb.DuckDBPyConnection, arguments: list[Any], function: str) -> None:
    """Add `columns` to a call of read_json, so that text in the file stays text."""
    tree = parse_sql(duck, f"FROM {function}('', sample_size = -1)")
    sampling = tree["statements"][0]["node"]["from_table"]["function"]
    sample = [] if any(_key(argument) == "sample_size" for argument in arguments) else sampling["children"][1:]
    sampling["children"] = arguments + sample
    arguments.append(_expression(duck, f"columns = {text_columns(duck, to_sql(duck, tree))}"))
