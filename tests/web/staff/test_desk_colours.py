"""The colours that a person chooses are those of the system's own light and dark, and all of them can be read."""

import re

import pytest

from templates.rendering.brand import contrast
from web.static_files import shared_file

SHARED, DESK = (shared_file(name).content.decode() for name in ("ui.css", "desk.css"))
GROUNDS = ("page", "card", "panel")


def colours(css):
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", css))


def block(css, beginning):
    return css.split(beginning, 1)[1].split("}")[0]


SYSTEM = {
    "light": colours(block(SHARED, ":root {")) | colours(block(DESK, "\n:root {")),
    "dark": colours(block(SHARED.split("dark) {")[1], ":root {")) | colours(block(DESK.split("dark) {")[1], ":root {")),
}
CHOSEN = {name: colours(block(DESK, f':root[data-scheme="{name}"] {{')) for name in SYSTEM}


@pytest.mark.parametrize("scheme", SYSTEM)
def test_chosen_colours_are_those_of_the_system(scheme):
    assert CHOSEN[scheme] == SYSTEM[scheme]


@pytest.mark.parametrize("scheme", CHOSEN)
def test_the_desks_own_colours_can_be_read(scheme):
    found = CHOSEN[scheme]
    assert contrast(found["on-danger"], found["danger"]) >= 4.5
    assert min(contrast(found["accent"], found[ground]) for ground in (*GROUNDS, "accent-tint")) >= 4.5
    assert min(contrast(found["ink"], found[ground]) for ground in ("inserted", "removed", "hit")) >= 4.5


def test_no_colour_stands_outside_the_tokens():
    rules = DESK.split("@layer base {", 1)[1].replace("#0000002e", "")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", rules) == []


def test_nothing_moves():
    assert re.findall(r"transition|animation|@keyframes", DESK) == []
