import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.offers.codes import ALPHABET, CODE_BITS, new_code

LOOK_ALIKES = ("0OQD", "1IL", "2Z", "5S", "6G", "8B", "UV", "4A", "MN")
ANY_BITS = st.integers(0, 2**CODE_BITS - 1)


def _bits(code):
    number = 0
    for character in code.removeprefix("WAIT-").replace("-", ""):
        number = number * len(ALPHABET) + ALPHABET.index(character)
    return number


@given(bits=ANY_BITS)
def test_a_code_is_three_groups_of_four_characters_and_spells_its_bits(bits):
    code = new_code(bits)
    assert re.fullmatch(r"WAIT(-[0-9A-Z]{4}){3}", code)
    assert _bits(code) == bits


def test_two_customers_who_differ_in_one_bit_have_different_codes():
    assert (new_code(0), new_code(1)) == ("WAIT-3333-3333-3333", "WAIT-3333-3333-3334")
    assert new_code(2**CODE_BITS - 1) == "WAIT-YYYY-YYYY-YYYY"


def test_every_character_is_as_likely_as_any_other():
    assert len(set(ALPHABET)) == len(ALPHABET) == 16
    assert CODE_BITS >= 40
    assert CODE_BITS % 4 == 0


@pytest.mark.parametrize("alike", LOOK_ALIKES)
def test_of_characters_that_look_alike_a_code_knows_one_at_most(alike):
    assert len(set(alike) & set(ALPHABET)) <= 1


@pytest.mark.parametrize("bits", [-1, 2**CODE_BITS])
def test_other_than_the_right_number_of_bits_is_refused(bits):
    with pytest.raises(ValueError, match="48 random bits"):
        new_code(bits)
