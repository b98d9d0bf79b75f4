"""The addresses of an order's pages."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from models.customers import Act


@dataclass(frozen=True, slots=True)
class PageLinks:
    """Addresses below a prefix: where the shop's proxy serves the order pages, as `/forewarn`, or nothing."""

    prefix: str
    token: str = ""
    lang: str = ""
    """The language that the address asks for; empty: the customer's own."""

    def order(self, lang: str | None = None) -> str:
        """Return the order page's address, in a language."""
        return self._of("", lang)

    def act(self, act: Act) -> str:
        """Return the address of the page that asks about a choice."""
        return self._of(f"/{act}")

    def answer(self, number: int) -> str:
        """Return the address of the page about a choice that was made."""
        return self._of(f"/answers/{number}")

    def undo(self, number: int) -> str:
        """Return the address to which taking a choice back is posted."""
        return self._of(f"/answers/{number}/undo")

    def why(self, number: int) -> str:
        """Return the address to which the reason of a choice is posted."""
        return self._of(f"/answers/{number}/why")

    def message(self, number: int) -> str:
        """Return the address of a message's page."""
        return self._of(f"/messages/{number}")

    def mail(self, number: int) -> str:
        """Return the address of a mail as it was sent, for the frame of its page."""
        return self._of(f"/messages/{number}/mail")

    def texts(self) -> str:
        """Return the address of the page that stops texts."""
        return self._of("/texts")

    def new_link(self, lang: str | None = None) -> str:
        """Return the address of the page that sends a new link."""
        return f"{self.prefix}/o/link{self._query(lang)}"

    def new_link_sent(self, lang: str | None = None) -> str:
        """Return the address of the page that says so."""
        return f"{self.prefix}/o/link/sent{self._query(lang)}"

    def unsubscribe(self, token: str) -> str:
        """Return the address of the page that stops marketing mails."""
        return f"{self.prefix}/u/{quote(token, safe='')}{self._query()}"

    def static(self, name: str, digest: str) -> str:
        """Return the address of a style sheet or the script; another content has another address."""
        return f"{self.prefix}/{name}?v={digest}"

    def _of(self, path: str, lang: str | None = None) -> str:
        return f"{self.prefix}/o/{quote(self.token, safe='')}{path}{self._query(lang)}"

    def _query(self, lang: str | None = None) -> str:
        lang = self.lang if lang is None else lang
        return f"?{urlencode({'lang': lang})}" if lang else ""
