"""The rejects file: every refused row with its place and the reason, for the shop to mend."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from sources.rows import Refused

COLUMNS = [field.name for field in fields(Refused)]


@contextmanager
def rejects(path: Path | None) -> Iterator[Callable[[Refused], None]]:
    """Give a function that adds to the rejects file, made when the first row is refused; None keeps none."""
    with ExitStack() as opened:
        writer: Any = None

        def refuse(refused: Refused) -> None:
            nonlocal writer
            if path is None:
                return
            if writer is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                stream = opened.enter_context(path.open("a", encoding="utf-8", newline=""))
                writer = csv.writer(stream)
                if stream.tell() == 0:
                    writer.writerow(COLUMNS)
            writer.writerow(astuple(refused))

        yield refuse
