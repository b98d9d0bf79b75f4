"""Follow the words in a shop's folder while a process stays: edited ones count without a restart."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.shop_files import FileStates, file_states

if TYPE_CHECKING:
    from templates.rendering.messages import Renderer

LOOK_SECONDS = 1.0


class LiveRenderer:
    """Returns the renderer of a shop's words as its files are, which it looks at once a second at most.

    A run must not use it: all messages of one run have the same words.
    """

    def __init__(
        self, folder: Path, load: "Callable[[], Renderer]", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._load, self._clock = folder, load, clock
        self._lock = threading.Lock()
        self._renderer: Renderer | None = None
        self._files: FileStates = {}
        self._look_at = 0.0

    def __call__(self) -> "Renderer":
        """Return the renderer; the same one as long as no file changes."""
        with self._lock:
            now = self._clock()
            if self._renderer is None or now >= self._look_at:
                self._look_at = now + LOOK_SECONDS
                files = file_states(self._folder)
                if self._renderer is None or files != self._files:
                    self._files = files
                    self._renderer = self._load()
            return self._renderer

    def look(self) -> None:
        """Look at the files at the next use: they were just written."""
        self._look_at = 0.0
