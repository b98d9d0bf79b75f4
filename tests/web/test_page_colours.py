"""The colours of the pages, computed from the style sheet itself: text has 4.5 on every ground, marks have 3."""

import re

import pytest

from templates.rendering.brand import contrast
from web.static_files import brand_file, shared_file

CSS = shared_file("ui.css").content.decode()
TOKENS = CSS.split("@layer tokens {")[1].split("@layer base")[0]
GROUNDS = ("page", "card", "panel")
TEXT, MARK = 4.5, 3.0
STATES = ("good", "wait", "bad", "calm")


def colours(css):
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", css))


DAY, _, NIGHT = TOKENS.partition("@media (prefers-color-scheme: dark)")
SCHEMES = {"light": colours(DAY), "dark": colours(DAY) | colours(NIGHT)}
PAIRS = [
    *((text, ground, TEXT) for text in ("ink", "soft", "accent", "accent-hover") for ground in GROUNDS),
    *(("edge", ground, MARK) for ground in ("card", "panel")),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-hover", TEXT),
    ("ink", "accent-tint", TEXT),
    ("bad", "bad-tint", TEXT),
    ("bad", "card", TEXT),
    ("bad-mark", "card", MARK),
    *((state, f"{state}-tint", TEXT) for state in STATES),
    *((f"{state}-mark", f"{state}-tint", MARK) for state in STATES),
]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("mark", "ground", "least"), PAIRS)
def test_every_pair_can_be_told_apart(scheme, mark, ground, least):
    found = SCHEMES[scheme]
    assert contrast(found[mark], found[ground]) >= least


def test_by_night_every_colour_is_another_one():
    assert colours(DAY).keys() == colours(NIGHT).keys()
    assert [name for name, colour in colours(DAY).items() if colours(NIGHT)[name] == colour] == []


def test_no_colour_stands_outside_the_tokens_but_for_print():
    rules = CSS.split("@layer base {")[1].split("@layer print {")[0]
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", rules) == []


@pytest.mark.parametrize("accent", ["#ffd400", "#00a0e1", "#0a5a8a", "#777777", "#000000", "#ffffff"])
def test_a_shops_accent_can_be_read_on_every_ground(accent):
    day, night = brand_file(accent).content.decode().split("@media")
    for css, scheme in ((day, "light"), (night, "dark")):
        brand = SCHEMES[scheme] | colours(css)
        assert min(contrast(brand["accent"], brand[ground]) for ground in GROUNDS) >= TEXT
        assert contrast(brand["on-accent"], brand["button"]) >= TEXT


def test_nothing_moves():
    assert re.findall(r"transition|animation|@keyframes", CSS) == []
