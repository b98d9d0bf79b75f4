"""The read_csv, read_json and read_parquet calls of a shop's SELECT, made to read what the shop means.

DuckDB looks for their files in the working directory, knows few encodings, and drops the offsets of JSON's moments.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from models.fields import codec
from sources.connectors.duckdb_readers import columns_of, quoted
from sources.connectors.encodings import UTF_8, as_utf8, marked

READS = re.compile(
    r"""(\bread_(?:csv|json|parquet|ndjson)\w*\s*\(\s*)(\[[^\]]*\]|'(?:[^'\n]|'')+')""",
    re.IGNORECASE,
)
JSON_READERS = ("read_json", "read_json_auto", "read_ndjson", "read_ndjson_auto")

FilesOf = Callable[[str], list[Path]]
NewCopy = Callable[[], Path]


def parsed(duck: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """Return the syntax tree of one SELECT."""
    return json.loads(_one(duck, "json_serialize_sql", sql))


def written(duck: duckdb.DuckDBPyConnection, tree: Any) -> str:
    """Return the SQL of a syntax tree."""
    return _one(duck, "json_deserialize_sql", json.dumps(tree))


def _one(duck: duckdb.DuckDBPyConnection, function: str, value: str) -> str:
    # The value stands in the SQL: for a parameter DuckDB would import pandas, half a second and 70 MB of it.
    sql = f"SELECT {function}({quoted(value)})"
    found = duck.execute(sql).fetchone()
    if found is None:
        raise LookupError(sql)
    return str(found[0])


def with_files_found(
    duck: duckdb.DuckDBPyConnection, sql: str, data: Path, files_of: FilesOf, new_copy: NewCopy
) -> str:
    """Return the SELECT with its calls pointed at the data folder, or at copies in UTF-8.

    Raises ValueError where an encoding is not known, or a file is not in it.
    """
    if not READS.search(sql):
        return sql
    tree = parsed(duck, sql)
    if tree["error"]:
        return READS.sub(lambda call: call[1] + quoted(data / call[2].strip("'")), sql)
    for call in _calls(tree):
        arguments = call["children"]
        encoding = codec(next((_value(one) for one in arguments if _key(one) == "encoding"), UTF_8))
        is_json = call["function_name"].lower() in JSON_READERS
        names = _names(arguments[0])
        paths = [
            _in_utf8(file, marked(file) if is_json else None, encoding, new_copy)
            for name in names
            for file in files_of(name)
        ]
        if paths and encoding != UTF_8:
            arguments[:] = [one for one in arguments if _key(one) != "encoding"]
        if names:
            arguments[0] = _expression(
                duck, f"[{', '.join(quoted(path) for path in paths or [data / n for n in names])}]"
            )
        if is_json and all(_key(one) != "columns" for one in arguments):
            _keep_text(duck, arguments, call["function_name"])
    return written(duck, tree)


def _calls(tree: Any) -> Iterator[Any]:
    """Yield the reading calls of a syntax tree that have arguments."""
    if isinstance(tree, dict):
        call = tree["function"] if tree.get("type") == "TABLE_FUNCTION" else None
        if call and call["children"] and READS.match(f"{call['function_name']}('x'"):
            yield call
        for child in tree.values():
            yield from _calls(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _calls(child)


def _names(argument: Any) -> list[str]:
    """Return the file names in a call's first argument, one or a list."""
    parts = argument["children"] if argument.get("function_name") == "list_value" else [argument]
    return [str(one["value"]["value"]) for one in parts if one["class"] == "CONSTANT"]


def _key(argument: Any) -> str:
    """Return the name of an argument written as name = value or name := value."""
    if argument["type"] == "COMPARE_EQUAL":
        return str(argument["left"].get("column_names", [""])[-1]).lower()
    return str(argument["alias"]).lower()


def _value(argument: Any) -> str:
    constant = argument["right"] if argument["type"] == "COMPARE_EQUAL" else argument
    return str(constant["value"]["value"]) if constant["class"] == "CONSTANT" else UTF_8


def _in_utf8(file: Path, mark: str | None, encoding: str, new_copy: NewCopy) -> Path:
    """Return the file, or a copy in UTF-8. A byte order mark hides from DuckDB that a file is JSON."""
    if encoding == UTF_8 and mark is None:
        return file
    copy = new_copy()
    try:
        as_utf8(file, mark or encoding, copy)
    except ValueError as error:
        raise ValueError(f"{file.name} {error}") from error
    return copy


def _expression(duck: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return parsed(duck, f"SELECT {sql}")["statements"][0]["node"]["select_list"][0]


def _keep_text(duck: duckdb.DuckDBPyConnection, arguments: list[Any], function: str) -> None:
    """Add `columns` to a call of read_json, so that what is text in the file stays text."""
    tree = parsed(duck, f"FROM {function}('', sample_size = -1)")
    alone = tree["statements"][0]["node"]["from_table"]["function"]
    sample = [] if any(_key(one) == "sample_size" for one in arguments) else alone["children"][1:]
    alone["children"] = arguments + sample
    arguments.append(_expression(duck, f"columns = {columns_of(duck, written(duck, tree))}"))
