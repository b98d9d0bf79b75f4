"""The rejects file: every row that was refused the last time, with its place and the reason, for the shop to mend."""

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
    """Give a function that fills the rejects file anew; it is gone where no row is refused. None keeps none."""
    with ExitStack() as opened:
        write: Callable[[Iterable[object]], object] | None = None

        def refuse(refused: RejectedRow) -> None:
            nonlocal write
            if path is None:
                return
            if write is None:
                private_folder(path.parent)
                private_file(path)
                write = opened.enter_context(open_csv(path, COLUMNS))
            write([getattr(refused, name) for name in COLUMNS])

        yield refuse
        if path is not None and write is None:
            path.unlink(missing_ok=True)
