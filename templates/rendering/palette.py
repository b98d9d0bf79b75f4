"""The colours of a mail, by day and by night; a test holds text and its ground 4.5:1 apart."""

from dataclasses import dataclass

PALETTE_NAMES = ("light", "dark")
"""The palettes as templates name them."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as `#rrggbb`."""

    page: str
    card: str
    panel: str
    line: str
    ink: str
    soft: str
    link: str
    button: str
    on_button: str


LIGHT = Palette(
    page="#f2f0ec",
    card="#ffffff",
    panel="#f7f5f0",
    line="#e2ddd3",
    ink="#22262b",
    soft="#5a626b",
    link="#0a5a8a",
    button="#0a5a8a",
    on_button="#ffffff",
)
DARK = Palette(
    page="#121417",
    card="#1c2024",
    panel="#262b30",
    line="#3a4047",
    ink="#eceef0",
    soft="#b0b8c0",
    link="#8cc8f0",
    button="#8cc8f0",
    on_button="#10202c",
)
