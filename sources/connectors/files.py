"""Files as a source: DuckDB runs the shop's SELECTs over CSV, TSV, JSON and Parquet, packed or plain."""

import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from models.errors import BadShop
from sources.connectors.duckdb_readers import READABLE, named, quoted
from sources.connectors.encodings import PACKED
from sources.connectors.queries import PLACE, Select, columns, placed
from sources.connectors.read_calls import READS, parsed, with_files_found, written
from sources.connectors.staging import SHOWN
from sources.rows import RejectedRow, Row

NAMED = re.compile(
    rf"""['"]([^'"\n]+\.(?:{"|".join(READABLE)})(?:{"|".join(map(re.escape, PACKED))})?)['"]""", re.IGNORECASE
)
UNKNOWN = re.compile(r"Table with name (\S+\.\w+) does not exist")
BATCH = 5_000
MEMORY = "1GB"
SAID = 300


class Files:
    """Runs SELECTs over the files of one folder, which is all that they can reach; nothing can be written."""

    def __init__(self, data: Path, encoding: str | None = None) -> None:
        if not data.is_dir():
            raise BadShop(f"{data}: no such folder; source.path in shop.toml, or --data, says where the files lie")
        self.data, self.encoding = data.resolve(), encoding
        self.copies = tempfile.TemporaryDirectory(prefix="forewarn-")
        self.numbers = count()
        self.views: set[str] = set()
        self.refused: dict[str, list[RejectedRow]] = {}
        self.duck = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        for setting in (
            f"memory_limit = '{MEMORY}'",
            f"temp_directory = {quoted(self.copies.name)}",
            *self._reachable(),
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self.duck.execute(f"SET {setting}")

    def _reachable(self) -> Iterator[str]:
        """Yield the settings that keep DuckDB inside; it would follow a link out of a folder that it may read."""
        inside = [Path(at) / name for at, folders, names in os.walk(self.data) for name in (*folders, *names)]
        within = [file for file in inside if file.resolve().is_relative_to(self.data)]
        folders: list[Path | str] = [self.copies.name]
        if len(within) == len(inside):
            folders.append(self.data)
        else:
            yield f"allowed_paths = [{', '.join(map(quoted, filter(Path.is_file, within)))}]"
        yield f"allowed_directories = [{', '.join(map(quoted, folders))}]"

    def close(self) -> None:
        """Close DuckDB and remove the copies."""
        self.duck.close()
        self.copies.cleanup()

    def rows(self, select: Select) -> Iterator[Row | RejectedRow]:
        """Yield the SELECT's rows, after the records of its files that could not be read."""
        for name in self._staged(select):
            if name not in self.views:
                self._view(select, name)
        yield from self.refused.get(select.table, [])
        cursor = self.duck.cursor()
        try:
            names = columns(select, self._run(cursor, select))
            yield from placed(select, names, self._fetch(cursor, select))
        finally:
            cursor.close()

    @staticmethod
    def _staged(select: Select) -> list[str]:
        """Return the names that stand for files themselves; what a call of read_csv('...') names is read by DuckDB."""
        return sorted(set(NAMED.findall(READS.sub("", select.sql))))

    def _header(self, name: str) -> str:
        found = self.duck.execute(f"DESCRIBE {named(name)}").fetchall()
        return ", ".join(str(row[0]) for row in found if row[0] not in PLACE)[:SAID]

    def _run(self, cursor: duckdb.DuckDBPyConnection, select: Select) -> list[str]:
        try:
            statements = cursor.extract_statements(select.sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise BadShop(f"{select.file}: one SELECT is right")
            sql = with_files_found(cursor, select.sql, self.data, self._files, self._new_copy)
            try:
                cursor.execute(self._with_place(cursor, sql))
            except (duckdb.Error, LookupError):
                # A SELECT that groups or joins as it likes has rows of no single line; it runs as written.
                cursor.execute(sql)
        except duckdb.Error as error:
            raise self._bad(select, error) from error
        except ValueError as error:
            raise BadShop(f"{select.file}: {error}") from error
        return [column[0] for column in cursor.description or []]

    @staticmethod
    def _with_place(cursor: duckdb.DuckDBPyConnection, sql: str) -> str:
        """Add _file and _line of the first table to a plain SELECT; raises LookupError where it is none."""
        tree = parsed(cursor, sql)
        node = tree["statements"][0]["node"]
        if any(modifier["type"] == "DISTINCT_MODIFIER" for modifier in node["modifiers"]):
            raise LookupError("rows made one by DISTINCT have no single line")
        table = node["from_table"]
        while table["type"] == "JOIN":
            table = table["left"]
        name = named(table["alias"] or table["table_name"])
        places = parsed(cursor, f"SELECT {name}._file, {name}._line")
        node["select_list"] += places["statements"][0]["node"]["select_list"]
        return written(cursor, tree)

    def _fetch(self, cursor: duckdb.DuckDBPyConnection, select: Select) -> Iterator[tuple[Any, ...]]:
        try:
            while batch := cursor.fetchmany(BATCH):
                yield from batch
        except duckdb.Error as error:
            raise self._bad(select, error) from error

    def _bad(self, select: Select, error: duckdb.Error) -> BadShop:
        for name in NAMED.findall(select.sql):
            if not self._files(name):
                if (self.data / name).is_symlink():
                    return BadShop(f"{select.file}: {name} leads out of {self.data}; a file within it is right")
                return BadShop(f"{select.file}: there is no file {name} in {self.data}")
        if found := UNKNOWN.search(str(error)):
            right = f"{', '.join(f'.{kind}' for kind in READABLE)} are right, plain or with {' or '.join(PACKED)}"
            return BadShop(f"{select.file}: {found[1]} is not a kind of file that is read here; {right}")
        said = " ".join(str(error).split("\n\nLINE")[0].split())[:SAID]
        hint = "; try_cast(...) gives NULL instead" if isinstance(error, duckdb.ConversionException) else ""
        if isinstance(error, duckdb.BinderException):
            hint = "".join(f"; {name} has {self._header(name)}" for name in self._staged(select) if name in self.views)
        return BadShop(f"{select.file}: {said}{hint}")

    def _files(self, name: str) -> list[Path]:
        """Return the folder's files of that name or pattern; one that is only there packed will do."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            return []
        found = sorted(self.data.glob(name)) or sorted(self.data.glob(f"{name}.gz"))
        return [file for file in found if file.resolve().is_relative_to(self.data)]

    def _new_copy(self) -> Path:
        return Path(self.copies.name) / f"{next(self.numbers)}.copy"

    def _view(self, select: Select, name: str) -> None:
        files = self._files(name)
        if not files:
            return
        try:
            parts = [self._readable(select.table, file) for file in files]
            self.duck.execute(f"CREATE VIEW {named(name)} AS " + " UNION ALL BY NAME ".join(parts))
        except duckdb.Error as error:
            raise self._bad(select, error) from error
        except (OSError, EOFError, zlib.error) as error:
            raise BadShop(f"{select.file}: {name} cannot be read: {error}") from error
        except UnicodeError as error:
            raise BadShop(f"{select.file}: {name} is not {self.encoding}: {error}") from error
        except ValueError as error:
            raise BadShop(f"{select.file}: {name} {error}") from error
        self.views.add(name)

    def _readable(self, table: str, file: Path) -> str:
        """Return a query that reads one file, with _file and _line where lines are known."""
        name = file.relative_to(self.data).as_posix()
        copy = self._new_copy()

        def refuse(line: int, text: str, reason: str) -> None:
            shown = text.strip().encode("utf-8", "replace").decode()[:SHOWN]
            self.refused.setdefault(table, []).append(RejectedRow(table, name, line, "", shown, reason))

        kind = file.name.lower().removesuffix(PACKED[0]).removesuffix(PACKED[1]).rpartition(".")[2]
        return READABLE[kind](self.duck, file, name, copy, refuse, self.encoding)
