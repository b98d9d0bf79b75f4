"""Write the rejects file: the rows that the last import rejected, each with its place and the reason."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path

from models.private_files import private_file, private_folder
from sources.rows import RejectedRow
from tasks.csv_files import open_csv

COLUMNS = [field.name for field in fields(RejectedRow) if field.name != "order"]


@contextmanager
def open_rejects(path: Path | None) -> Iterator[Callable[[RejectedRow], None]]:
    """Yield a function that writes a rejected row. The file is replaced, or deleted when no row is rejected.

    Without a path nothing is written.
    """
    with ExitStack() as open_file:
        write: Callable[[Iterable[object]], object] | None = None

        def reject(row: RejectedRow) -> None:
            nonlocal write
            if path is None:
                return
            if write is None:
                private_folder(path.parent)
                private_file(path)
                write = open_file.enter_context(open_csv(path, COLUMNS))
            write([getattr(row, name) for name in COLUMNS])

        yield reject
        if path is not None and write is None:
            path.unlink(missing_ok=True)
