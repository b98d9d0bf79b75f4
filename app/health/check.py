"""The result of one check of `forewarn doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was examined, what was found, and what to do about it."""

    what: str
    found: str
    remedy: str = ""
    """Empty when nothing needs to be done."""
    bad: bool = False

    @property
    def mark(self) -> str:
        """Return the result in one word."""
        return "wrong" if self.bad else "note" if self.remedy else "ok"
