"""New ledgers on SQLite: the migrations run once for each process, and each ledger is a copy of their result."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from models.private_files import write_private
from tasks.db.engine import connect
from tasks.db.migrations import migrate


def sqlite_ledger(file: Path) -> str:
    """Write a migrated ledger without a row; return its address."""
    write_private(file, _migrated())
    return f"sqlite:///{file}"


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        engine = connect(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()  # closing the last connection moves the write-ahead log into the file
        return file.read_bytes()
