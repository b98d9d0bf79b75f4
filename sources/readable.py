"""How DuckDB reads each kind of file: as a query whose rows know their file and line, where lines are known."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

from sources.staging import Refuse, is_lines, stage_csv, stage_json_lines


def quoted(value: object) -> str:
    """Write a value as SQL text."""
    return "'" + str(value).replace("'", "''") + "'"


def _delimited(file: Path, name: str, copy: Path, refuse: Refuse) -> str:
    names = stage_csv(file, name, copy, refuse)
    types = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in names)
    return (
        f"FROM read_csv({quoted(copy)}, auto_detect = false, header = false, new_line = '\\n', "
        f"delim = ',', quote = '\"', escape = '\"', columns = {{{types}, '_file': 'VARCHAR', '_line': 'BIGINT'}})"
    )


def _json(file: Path, name: str, copy: Path, refuse: Refuse) -> str:
    if not is_lines(file):
        return f"FROM read_json({quoted(file)}, format = 'array')"
    stage_json_lines(file, name, copy, refuse)
    # Types are taken from all rows, so that none can break the promise of an early one.
    return f"FROM read_json({quoted(copy)}, format = 'newline_delimited', sample_size = -1)"


def _parquet(file: Path, name: str, copy: Path, _: Refuse) -> str:
    if file.suffix == ".gz":
        with gzip.open(file) as packed, copy.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        file = copy
    return (
        f"FROM read_parquet({quoted(file)}, file_row_number = true) "
        f"SELECT * EXCLUDE (file_row_number), {quoted(name)} AS _file, file_row_number + 1 AS _line"
    )


READABLE: dict[str, Callable[[Path, str, Path, Refuse], str]] = {
    "csv": _delimited,
    "tsv": _delimited,
    "json": _json,
    "jsonl": _json,
    "ndjson": _json,
    "parquet": _parquet,
}
