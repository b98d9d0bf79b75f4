"""A shop's accent: read on every ground by day and by night, and moved no further than that needs."""

from colorsys import rgb_to_hls

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from templates.rendering.brand import MIN_EDGE_CONTRAST, MIN_TEXT_CONTRAST, accent_pair, contrast, palettes_of
from templates.rendering.palette import DARK, LIGHT

COLOURS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def hls(colour):
    return rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))


@given(COLOURS)
@example("#000000")
@example("#ffffff")
@example("#767676")
def test_whatever_the_accent_links_and_buttons_can_be_read(accent):
    for name, palette in palettes_of(accent).items():
        grounds = (palette.page, palette.card, palette.panel)
        assert min(contrast(palette.link, ground) for ground in grounds) >= MIN_TEXT_CONTRAST
        assert contrast(palette.on_button, palette.button) >= MIN_TEXT_CONTRAST
        assert name == "light" or contrast(palette.button, palette.card) >= MIN_EDGE_CONTRAST


@given(COLOURS)
def test_by_day_an_accent_gets_only_darker_and_by_night_only_lighter(accent):
    day, night = accent_pair(accent)
    of_accent = hls(accent)[1]
    assert max(hls(day.link)[1], hls(day.button)[1]) <= of_accent + 0.01
    assert min(hls(night.link)[1], hls(night.button)[1]) >= of_accent - 0.01


@pytest.mark.parametrize(
    ("accent", "day_link", "night_link"),
    [
        ("#ffd400", "#826c00", "#ffd400"),
        ("#00A0E1", "#0075a4", "#00a0e1"),
        ("#c63a2b", "#c63a2b", "#de7165"),
    ],
)
def test_an_accent_moves_no_further_than_it_has_to_and_keeps_its_hue(accent, day_link, night_link):
    day, night = accent_pair(accent)
    assert (day.link, night.link) == (day_link, night_link)
    for colour in (day_link, night_link):
        assert hls(colour)[0] == pytest.approx(hls(accent)[0], abs=0.01)


@pytest.mark.parametrize(
    ("accent", "button", "on_button"),
    [("#ffd400", "#ffd400", LIGHT.ink), ("#0b1f3a", "#0b1f3a", "#ffffff"), ("#808080", "#767676", "#ffffff")],
)
def test_a_button_keeps_the_accent_where_something_can_be_read_on_it(accent, button, on_button):
    day, _ = accent_pair(accent)
    assert (day.button, day.on_button) == (button, on_button)


def test_an_accent_changes_no_ground_and_no_text_beside_links_and_buttons():
    palettes = palettes_of("#ffd400")
    for name in set(LIGHT.__slots__) - {"link", "button", "on_button"}:
        assert getattr(palettes["light"], name) == getattr(LIGHT, name)
        assert getattr(palettes["dark"], name) == getattr(DARK, name)
    assert palettes_of(None) == {"light": LIGHT, "dark": DARK}


def test_the_contrast_that_is_computed_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
