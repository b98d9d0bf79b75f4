"""Make a shop's accent readable by day and by night: its hue and saturation stay, its lightness moves."""

from collections.abc import Callable, Iterator
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass, replace

from templates.rendering.palette import DARK, LIGHT, PALETTE_NAMES, Palette

MIN_TEXT_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3: text and its ground."""
MIN_EDGE_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11: a control and what is around it."""
INKS = ("#ffffff", LIGHT.ink)
"""What is written on a button: the one of the two that is easier to read."""
_STEPS = 200


@dataclass(frozen=True, slots=True)
class Accent:
    """The colours that a shop's accent gives, as `#rrggbb`."""

    link: str
    button: str
    on_button: str


def accent_pair(accent: str) -> tuple[Accent, Accent]:
    """Return the colours of links and buttons by day and by night for an accent such as `#ffd400`.

    Links have MIN_TEXT_CONTRAST on page, card and panel. A button keeps the accent where it can: what is written on it
    has MIN_TEXT_CONTRAST, and by night it has MIN_EDGE_CONTRAST to the card, where a dark button would vanish.
    """
    day, night = list(_lightness_steps(accent, end=0)), list(_lightness_steps(accent, end=1))
    return _accent(day, LIGHT, 1.0), _accent(night, DARK, MIN_EDGE_CONTRAST)


def palettes_of(accent: str | None) -> dict[str, Palette]:
    """Return the palettes by the names that templates use, with a shop's accent if it has one."""
    palettes = LIGHT, DARK
    if accent is not None:
        palettes = _with_accent(LIGHT, (pair := accent_pair(accent))[0]), _with_accent(DARK, pair[1])
    return dict(zip(PALETTE_NAMES, palettes, strict=True))


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours as WCAG defines it, from 1 to 21."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _with_accent(palette: Palette, accent: Accent) -> Palette:
    return replace(palette, link=accent.link, button=accent.button, on_button=accent.on_button)


def _accent(steps: list[str], palette: Palette, edge: float) -> Accent:
    grounds = (palette.page, palette.card, palette.panel)
    button = _first(
        steps,
        lambda colour: (
            contrast(colour, _ink_on(colour)) >= MIN_TEXT_CONTRAST and contrast(colour, palette.card) >= edge
        ),
    )
    link = _first(steps, lambda colour: all(contrast(colour, ground) >= MIN_TEXT_CONTRAST for ground in grounds))
    return Accent(link, button, _ink_on(button))


def _first(steps: list[str], is_enough: Callable[[str], bool]) -> str:
    # The last step is black or white, which is enough on every ground.
    return next((colour for colour in steps if is_enough(colour)), steps[-1])


def _ink_on(ground: str) -> str:
    return max(INKS, key=lambda ink: contrast(ink, ground))


def _lightness_steps(accent: str, end: int) -> Iterator[str]:
    """Yield the accent, then the same hue and saturation in small steps to black (0) or white (1)."""
    hue, lightness, saturation = rgb_to_hls(*_channels(accent))
    yield accent.lower()
    for step in range(1, _STEPS + 1):
        moved = lightness + (end - lightness) * step / _STEPS
        yield "#" + "".join(f"{round(255 * part):02x}" for part in hls_to_rgb(hue, moved, saturation))


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue
