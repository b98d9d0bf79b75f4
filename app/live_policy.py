"""Follow `policy.toml` of a shop's folder while a process stays: a saved policy counts without a restart."""

import threading
from pathlib import Path

from models.config.shop import read_policy
from models.errors import BadShop
from models.policy.policy import Policy


class LivePolicy:
    """The policy that the shop's file has at each moment; the last one that could be read where it cannot be now."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        self._file, self._policy = folder / "policy.toml", policy
        self._lock = threading.Lock()
        self._seen = self._state()

    def __call__(self) -> Policy:
        """Return the policy. A run must not use it: all of one run is decided by the same policy."""
        state = self._state()
        with self._lock:
            if state != self._seen:
                self._seen = state
                try:
                    self._policy = read_policy(self._file.parent)
                except BadShop:
                    # The page of the policy says what is wrong with the file.
                    return self._policy
            return self._policy

    def _state(self) -> tuple[int, int, int] | None:
        try:
            state = self._file.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino
