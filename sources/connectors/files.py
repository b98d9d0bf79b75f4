"""Read a shop's files: DuckDB runs its SELECTs over CSV, TSV, JSON and Parquet, compressed or not."""

import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from models.errors import BadShop
from sources.connectors.duckdb_readers import QUERY_BUILDERS, quote_name, quote_text
from sources.connectors.encodings import GZIP_SUFFIXES
from sources.connectors.queries import DIGEST_COLUMN, PLACE_COLUMNS, Select, check_columns, to_rows
from sources.connectors.read_calls import READ_CALLS, parse_sql, resolve_read_calls, to_sql
from sources.connectors.staging import MAX_TEXT_SHOWN
from sources.rows import RejectedRow, Row

FILE_NAME = re.compile(
    rf"""['"]([^'"\n]+\.(?:{"|".join(QUERY_BUILDERS)})(?:{"|".join(map(re.escape, GZIP_SUFFIXES))})?)['"]""",
    re.IGNORECASE,
)
UNKNOWN_KIND = re.compile(r"Table with name (\S+\.\w+) does not exist")
FETCH_SIZE = 5_000
MEMORY_LIMIT = "1GB"
MAX_MESSAGE_SHOWN = 300


class Files:
    """A connector to the files of one folder. SELECTs can reach no other file, and cannot write."""

    def __init__(self, data: Path, encoding: str | None = None) -> None:
        if not data.is_dir():
            raise BadShop(f"{data}: no such folder; source.path in shop.toml, or --data, names the folder of the files")
        self.data, self.encoding = data.resolve(), encoding
        self.copies = tempfile.TemporaryDirectory(prefix="forewarn-")
        self.numbers = count()
        self.views: set[str] = set()
        self.rejected: dict[str, list[RejectedRow]] = {}
        self.duck = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        for setting in (
            f"memory_limit = '{MEMORY_LIMIT}'",
            f"temp_directory = {quote_text(self.copies.name)}",
            *self._access_settings(),
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self.duck.execute(f"SET {setting}")

    def _access_settings(self) -> Iterator[str]:
        """Yield the settings that limit DuckDB to the folder. It would follow a link out of an allowed folder."""
        files = [Path(parent) / name for parent, folders, names in os.walk(self.data) for name in (*folders, *names)]
        inside = [file for file in files if file.resolve().is_relative_to(self.data)]
        folders: list[Path | str] = [self.copies.name]
        if len(inside) == len(files):
            folders.append(self.data)
        else:
            yield f"allowed_paths = [{', '.join(map(quote_text, filter(Path.is_file, inside)))}]"
        yield f"allowed_directories = [{', '.join(map(quote_text, folders))}]"

    def close(self) -> None:
        """Close DuckDB and remove the copies."""
        self.duck.close()
        self.copies.cleanup()

    def rows(self, select: Select) -> Iterator[Row | RejectedRow]:
        """Yield the rows of a SELECT, after the rejected records of its files. Raises BadShop."""
        for name in self._staged_names(select):
            if name not in self.views:
                self._create_view(select, name)
        yield from self.rejected.get(select.table, [])
        cursor = self.duck.cursor()
        try:
            columns = self._run(cursor, select)
            added = columns[-1:] if columns[-1] == DIGEST_COLUMN else []
            names = check_columns(select, columns[: len(columns) - len(added)]) + added
            yield from to_rows(select, names, self._fetch(cursor, select))
        finally:
            cursor.close()

    @staticmethod
    def _staged_names(select: Select) -> list[str]:
        """Return the file names outside calls such as read_csv('...'). DuckDB reads those in the calls itself."""
        return sorted(set(FILE_NAME.findall(READ_CALLS.sub("", select.sql))))

    def _header(self, name: str) -> str:
        rows = self.duck.execute(f"DESCRIBE {quote_name(name)}").fetchall()
        return ", ".join(str(row[0]) for row in rows if row[0] not in PLACE_COLUMNS)[:MAX_MESSAGE_SHOWN]

    def _run(self, cursor: duckdb.DuckDBPyConnection, select: Select) -> list[str]:
        try:
            statements = cursor.extract_statements(select.sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise BadShop(f"{select.file}: one SELECT is right")
            sql = resolve_read_calls(cursor, select.sql, self.data, self._files, self._new_copy)
            self._execute(cursor, sql)
        except duckdb.Error as error:
            raise self._bad_select(select, error) from error
        except ValueError as error:
            raise BadShop(f"{select.file}: {error}") from error
        return [column[0] for column in cursor.description or []]

    def _execute(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
        """Run a SELECT with the place and the digest of each row, or else with the digest, or else as it is.

        The rows of a SELECT that groups or joins freely have no single line.
        """
        with suppress(duckdb.Error, LookupError):
            cursor.execute(_with_digest(cursor, self._with_place_columns(cursor, sql)))
            return
        with suppress(duckdb.Error):
            cursor.execute(_with_digest(cursor, sql))
            return
        cursor.execute(sql)

    @staticmethod
    def _with_place_columns(cursor: duckdb.DuckDBPyConnection, sql: str) -> str:
        """Add _file and _line of the first table to a plain SELECT. Raises LookupError for any other."""
        tree = parse_sql(cursor, sql)
        node = tree["statements"][0]["node"]
        if any(modifier["type"] == "DISTINCT_MODIFIER" for modifier in node["modifiers"]):
            raise LookupError("rows of SELECT DISTINCT have no single line")
        if node["aggregate_handling"] == "FORCE_AGGREGATES":
            raise LookupError("GROUP BY ALL would group by the added columns, too")
        table = node["from_table"]
        while table["type"] == "JOIN":
            table = table["left"]
        name = quote_name(table["alias"] or table["table_name"])
        places = parse_sql(cursor, f"SELECT {name}._file, {name}._line")
        node["select_list"] += places["statements"][0]["node"]["select_list"]
        return to_sql(cursor, tree)

    def _fetch(self, cursor: duckdb.DuckDBPyConnection, select: Select) -> Iterator[tuple[Any, ...]]:
        try:
            while batch := cursor.fetchmany(FETCH_SIZE):
                yield from batch
        except duckdb.Error as error:
            raise self._bad_select(select, error) from error

    def _bad_select(self, select: Select, error: duckdb.Error) -> BadShop:
        for name in FILE_NAME.findall(select.sql):
            if not self._files(name):
                if (self.data / name).is_symlink():
                    return BadShop(f"{select.file}: {name} is a link out of {self.data}; use a file in it")
                return BadShop(f"{select.file}: there is no file {name} in {self.data}")
        if match := UNKNOWN_KIND.search(str(error)):
            kinds = ", ".join(f".{kind}" for kind in QUERY_BUILDERS)
            suffixes = " or ".join(GZIP_SUFFIXES)
            return BadShop(
                f"{select.file}: {match[1]} is not a known kind of file; {kinds} are right, plain or with {suffixes}"
            )
        message = " ".join(str(error).split("\n\nLINE")[0].split())[:MAX_MESSAGE_SHOWN]
        hint = "; try_cast(...) gives NULL instead" if isinstance(error, duckdb.ConversionException) else ""
        if isinstance(error, duckdb.BinderException):
            hint = "".join(
                f"; {name} has {self._header(name)}" for name in self._staged_names(select) if name in self.views
            )
        return BadShop(f"{select.file}: {message}{hint}")

    def _files(self, name: str) -> list[Path]:
        """Return the folder's files of a name or pattern, or else their compressed versions."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            return []
        files = sorted(self.data.glob(name)) or sorted(self.data.glob(f"{name}.gz"))
        return [file for file in files if file.resolve().is_relative_to(self.data)]

    def _new_copy(self) -> Path:
        return Path(self.copies.name) / f"{next(self.numbers)}.copy"

    def _create_view(self, select: Select, name: str) -> None:
        files = self._files(name)
        if not files:
            return
        try:
            parts = [self._file_query(select.table, file) for file in files]
            self.duck.execute(f"CREATE VIEW {quote_name(name)} AS " + " UNION ALL BY NAME ".join(parts))
        except duckdb.Error as error:
            raise self._bad_select(select, error) from error
        except (OSError, EOFError, zlib.error) as error:
            raise BadShop(f"{select.file}: {name} cannot be read: {error}") from error
        except UnicodeError as error:
            raise BadShop(f"{select.file}: {name} is not {self.encoding}: {error}") from error
        except ValueError as error:
            raise BadShop(f"{select.file}: {name} {error}") from error
        self.views.add(name)

    def _file_query(self, table: str, file: Path) -> str:
        """Return the query that reads one file, with _file and _line where lines are known."""
        name = file.relative_to(self.data).as_posix()
        copy = self._new_copy()

        def reject_record(line: int, text: str, reason: str) -> None:
            shown = text.strip().encode("utf-8", "replace").decode()[:MAX_TEXT_SHOWN]
            self.rejected.setdefault(table, []).append(RejectedRow(table, name, line, "", shown, reason))

        kind = file.name.lower().removesuffix(GZIP_SUFFIXES[0]).removesuffix(GZIP_SUFFIXES[1]).rpartition(".")[2]
        return QUERY_BUILDERS[kind](self.duck, file, name, copy, reject_record, self.encoding)


def _with_digest(cursor: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Add a column with the digest of each row to a SELECT. DuckDB takes a tenth of the time that Python takes."""
    described = cursor.execute(f"DESCRIBE {sql}").fetchall()
    hashed = {str(name): str(kind) for name, kind, *_ in described if not name.startswith("_")}
    if len(set(map(str.lower, hashed))) < sum(not name.startswith("_") for name, *_ in described):
        return sql
    values = ", ".join((quote_text(", ".join(hashed.values())), *map(quote_name, hashed)))
    return f"SELECT *, hash({values}) AS {DIGEST_COLUMN} FROM ({sql}\n)"  # noqa: S608 - a SELECT of the shop's own
