"""Edit the files of a shop's folder from the desk: whether that is allowed, and writing them whole or not at all."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, Engine

from models.errors import ForewarnError
from models.versions import Files

IN_GIT = "The files of this shop are kept in git: change them there, or set `edits = true` under `[desk]` in shop.toml."
SWITCHED_OFF = "Editing on the desk is switched off for this shop: shop.toml says `edits = false` under `[desk]`."
NOT_WRITABLE = "The server may not write into the folder of this shop, so its files cannot be changed here."


class CannotWrite(ForewarnError):
    """Raised where a file of the shop cannot be read or written. The text names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Saving:
    """One transaction, and the files that are written last before it is committed."""

    connection: Connection
    files: dict[str, str | None] = field(default_factory=dict)

    def write(self, files: Files) -> None:
        """Have these files written at the end; None deletes one."""
        self.files.update(files)


class ShopEdits:
    """The files of one shop's folder that may be edited on the desk."""

    def __init__(self, folder: Path, *, edits: bool | None = None) -> None:
        self.folder = folder
        self._edits = edits

    @property
    def refusal(self) -> str:
        """Return why nothing may be edited on the desk, in a sentence; empty: it may."""
        if self._edits is False:
            return SWITCHED_OFF
        if self._edits is None and is_in_git(self.folder):
            return IN_GIT
        folders = [self.folder, *filter(Path.is_dir, [self.folder / "templates"])]
        return "" if all(os.access(each, os.W_OK) for each in folders) else NOT_WRITABLE

    def read(self, names: Iterable[str]) -> dict[str, str | None]:
        """Return the texts of files; None for one that does not exist. Raises CannotWrite."""
        return {name: self._read(name) for name in names}

    @contextmanager
    def saving(self, engine: Engine) -> Iterator[Saving]:
        """Open a transaction; the files that it was given are written last, and then it is committed.

        Where the commit fails, the files are put back. A process that ends in between leaves files that the ledger
        does not know: the next look records them as a version made by the files. Raises CannotWrite.
        """
        before: dict[str, str | None] = {}
        try:
            with engine.begin() as connection:
                saving = Saving(connection)
                yield saving
                before = self.read(saving.files)
                self._write(saving.files)
        except BaseException:
            self._write(before)
            raise

    def _path(self, name: str) -> Path:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise CannotWrite(f"{name} is not a file of the shop's folder")
        return self.folder / path

    def _read(self, name: str) -> str | None:
        path = self._path(name)
        try:
            return path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise CannotWrite(f"{name} is not UTF-8: {error.reason} at byte {error.start}; save it as UTF-8") from error
        except OSError as error:
            raise CannotWrite(f"{name} cannot be read: {error.strerror}") from error

    def _write(self, files: Files) -> None:
        for name, text in files.items():
            try:
                write_whole(self._path(name), text)
            except OSError as error:
                raise CannotWrite(f"{name} cannot be written: {error.strerror}") from error


def is_in_git(folder: Path) -> bool:
    """Return whether a folder is inside a work tree of git that does not ignore it."""
    folder = folder.absolute()
    top = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
    return top is not None and not _is_ignored(top, folder)


@cache  # asked for each page; a changed .gitignore holds from the next start
def _is_ignored(top: Path, folder: Path) -> bool:
    git = shutil.which("git")
    if git is None or folder == top:
        return False
    asked = [git, "-C", str(top), "check-ignore", "--quiet", "--", str(folder)]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0  # noqa: S603 - git of the PATH


def write_whole(path: Path, text: str | None) -> None:
    """Write a text file so that a reader, and a machine that loses power, find the old or the new one; None deletes it.

    A file that says the same stays as it is.
    """
    if text is None:
        path.unlink(missing_ok=True)
        return
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if path.is_file():
            # Whoever could read it, such as the person who runs commands, still can.
            part.chmod(stat.S_IMODE(path.stat().st_mode))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
