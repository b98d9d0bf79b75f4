"""What `forewarn doctor` says of one thing it looks at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    what: str
    found: str
    do: str = ""
    """What to do about it; empty where nothing is wrong."""
    bad: bool = False

    @property
    def mark(self) -> str:
        """Return how it stands in one word."""
        return "wrong" if self.bad else "note" if self.do else "ok"
