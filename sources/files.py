"""Files as a source: DuckDB runs the shop's SELECTs over CSV, TSV, JSON and Parquet, packed or plain."""

import json
import re
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from models.errors import BadShop
from sources.readable import READABLE, quoted
from sources.rows import Refused, Row
from sources.selects import Select, columns, placed
from sources.staging import SHOWN

NAMED = re.compile(r"""['"]([^'"\n]+\.(?:csv|tsv|json|jsonl|ndjson|parquet)(?:\.gz)?)['"]""", re.IGNORECASE)
READS = re.compile(r"""(\bread_(?:csv|json|parquet)\w*\s*\(\s*)'([^'\n]+)'""", re.IGNORECASE)
BATCH = 5_000
MEMORY = "1GB"
SAID = 300


def _named(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


class Files:
    """Runs SELECTs over the files of one folder, which is all that they can reach; nothing can be written."""

    def __init__(self, data: Path) -> None:
        if not data.is_dir():
            raise BadShop(f"{data}: no such folder; source.path in shop.toml, or --data, says where the files lie")
        self.data = data.resolve()
        self.copies = tempfile.TemporaryDirectory(prefix="forewarn-")
        self.views: set[str] = set()
        self.refused: dict[str, list[Refused]] = {}
        self.duck = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        for setting in (
            f"memory_limit = '{MEMORY}'",
            f"temp_directory = {quoted(self.copies.name)}",
            f"allowed_directories = [{quoted(self.data)}, {quoted(self.copies.name)}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self.duck.execute(f"SET {setting}")

    def close(self) -> None:
        """Close DuckDB and remove the copies."""
        self.duck.close()
        self.copies.cleanup()

    def rows(self, select: Select) -> Iterator[Row | Refused]:
        """Yield the SELECT's rows, after the records of its files that could not be read."""
        for name in sorted(set(NAMED.findall(select.sql)) - self.views):
            self._view(select, name)
        yield from self.refused.get(select.table, [])
        cursor = self.duck.cursor()
        try:
            names = columns(select, self._run(cursor, select))
            yield from placed(select, names, self._fetch(cursor, select))
        finally:
            cursor.close()

    def _run(self, cursor: duckdb.DuckDBPyConnection, select: Select) -> list[str]:
        # A name in read_csv('...') is seen from the data folder too; DuckDB would look for it in the working directory.
        sql = READS.sub(lambda call: call[1] + quoted(self.data / call[2]), select.sql)
        try:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise BadShop(f"{select.file}: one SELECT is right")
            try:
                cursor.execute(self._with_place(cursor, sql))
            except (duckdb.Error, LookupError):
                # A SELECT that groups or joins as it likes has rows of no single line; it runs as written.
                cursor.execute(sql)
        except duckdb.Error as error:
            raise self._bad(select, error) from error
        return [column[0] for column in cursor.description or []]

    @staticmethod
    def _with_place(cursor: duckdb.DuckDBPyConnection, sql: str) -> str:
        """Add _file and _line of the first table to a plain SELECT; raises LookupError where it is none."""
        tree = _parsed(cursor, sql)
        node = tree["statements"][0]["node"]
        if any(modifier["type"] == "DISTINCT_MODIFIER" for modifier in node["modifiers"]):
            raise LookupError("rows made one by DISTINCT have no single line")
        table = node["from_table"]
        while table["type"] == "JOIN":
            table = table["left"]
        name = _named(table["alias"] or table["table_name"])
        places = _parsed(cursor, f"SELECT {name}._file, {name}._line")
        node["select_list"] += places["statements"][0]["node"]["select_list"]
        return _one(cursor, "json_deserialize_sql", json.dumps(tree))

    def _fetch(self, cursor: duckdb.DuckDBPyConnection, select: Select) -> Iterator[tuple[Any, ...]]:
        try:
            while batch := cursor.fetchmany(BATCH):
                yield from batch
        except duckdb.Error as error:
            raise self._bad(select, error) from error

    def _bad(self, select: Select, error: duckdb.Error) -> BadShop:
        for name in NAMED.findall(select.sql):
            if not self._files(name):
                return BadShop(f"{select.file}: there is no file {name} in {self.data}")
        said = " ".join(str(error).split("\n\nLINE")[0].split())[:SAID]
        hint = "; try_cast(...) gives NULL instead" if isinstance(error, duckdb.ConversionException) else ""
        return BadShop(f"{select.file}: {said}{hint}")

    def _files(self, name: str) -> list[Path]:
        """Return the folder's files of that name or pattern; one that is only there packed will do."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            return []
        return sorted(self.data.glob(name)) or sorted(self.data.glob(f"{name}.gz"))

    def _view(self, select: Select, name: str) -> None:
        files = self._files(name)
        if not files:
            return
        try:
            parts = [self._readable(select.table, file) for file in files]
            self.duck.execute(f"CREATE VIEW {_named(name)} AS " + " UNION ALL BY NAME ".join(parts))
        except duckdb.Error as error:
            raise self._bad(select, error) from error
        except (OSError, EOFError, zlib.error) as error:
            raise BadShop(f"{select.file}: {name} cannot be read: {error}") from error
        except ValueError as error:
            raise BadShop(f"{select.file}: {name} {error}") from error
        self.views.add(name)

    def _readable(self, table: str, file: Path) -> str:
        """Return a query that reads one file, with _file and _line where lines are known."""
        name = file.relative_to(self.data).as_posix()
        copy = Path(self.copies.name) / f"{len(list(Path(self.copies.name).iterdir()))}.copy"

        def refuse(line: int, text: str, reason: str) -> None:
            shown = text.strip().encode("utf-8", "replace").decode()[:SHOWN]
            self.refused.setdefault(table, []).append(Refused(table, name, line, "", shown, reason))

        kind = file.name.lower().removesuffix(".gz").rpartition(".")[2]
        return READABLE[kind](file, name, copy, refuse)


def _one(cursor: duckdb.DuckDBPyConnection, function: str, value: str) -> str:
    # The value stands in the SQL: for a parameter DuckDB would import pandas, half a second and 70 MB of it.
    sql = f"SELECT {function}({quoted(value)})"
    found = cursor.execute(sql).fetchone()
    if found is None:
        raise LookupError(sql)
    return str(found[0])


def _parsed(cursor: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return json.loads(_one(cursor, "json_serialize_sql", sql))
