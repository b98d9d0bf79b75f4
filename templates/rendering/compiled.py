"""Keep compiled templates: for one process, or in a folder for the next ones."""

import hashlib
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError

from jinja2 import BytecodeCache, FileSystemBytecodeCache
from jinja2.bccache import Bucket

LIBRARIES = ("jinja2", "markupsafe", "babel")
"""Their versions are part of a compiled file's name: constant expressions are computed when a template is compiled."""

MAX_IN_MEMORY = 5_000


class CompiledTemplates(BytecodeCache):
    """Keeps compiled templates in memory, and in a folder where one is given; a changed template is compiled again.

    A file that cannot be read or written is no error: the template is compiled.
    """

    def __init__(self, in_memory: dict[str, bytes], folder: BytecodeCache | None) -> None:
        self._in_memory, self._folder = in_memory, folder

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._in_memory:
            bucket.bytecode_from_string(self._in_memory[bucket.key])
        elif self._folder is not None:
            try:
                self._folder.load_bytecode(bucket)
            except (OSError, EOFError, ValueError, TypeError, UnpicklingError):
                bucket.reset()  # a file that a full disk or a power failure cut off
        if bucket.code is not None:
            self._in_memory.setdefault(bucket.key, bucket.bytecode_to_string())

    def dump_bytecode(self, bucket: Bucket) -> None:
        if len(self._in_memory) >= MAX_IN_MEMORY:
            self._in_memory.clear()  # a server compiles each draft of a template
        self._in_memory[bucket.key] = bucket.bytecode_to_string()
        if self._folder is not None:
            with suppress(OSError):  # a full disk, or a folder that is gone
                self._folder.dump_bytecode(bucket)


def compiled_templates(folder: Path | None, accent: str | None) -> CompiledTemplates:
    """Return the cache of one accent's templates: colours are compiled in, so each accent has bytecode of its own."""
    if folder is None:
        return CompiledTemplates(_memory_of(accent), None)
    key = hashlib.sha256(f"{_code_digest()} {accent}".encode()).hexdigest()[:16]
    return CompiledTemplates(_memory_of(accent), FileSystemBytecodeCache(str(folder), f"{key}-%s.cache"))


@cache
def _memory_of(_accent: str | None) -> dict[str, bytes]:
    return {}


@cache
def _code_digest() -> str:
    """Return a hash of all that decides what a template compiles to, beside the template itself."""
    digest = hashlib.sha256(" ".join(version(name) for name in LIBRARIES).encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
