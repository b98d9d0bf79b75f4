import re

import pytest

from models.customers import LINK_PLACEHOLDER
from rules.customers.link_tokens import fill_link, hash_of_token, token_of

KEY = b"0123456789abcdef0123456789abcdef"


def test_a_token_has_128_bits_and_fits_into_an_address():
    assert re.fullmatch(r"[\w-]{22}", token_of(KEY, "a"))


def test_a_token_depends_on_the_link_and_on_the_key():
    assert len({token_of(KEY, "a"), token_of(KEY, "b"), token_of(b"x" * 32, "a")}) == 3


def test_a_key_that_could_be_guessed_is_refused():
    with pytest.raises(ValueError, match="at least 16 bytes"):
        token_of(b"short", "a")


def test_the_placeholder_is_as_long_as_a_token_so_that_a_text_keeps_its_length():
    words = f"https://shop.example/o/{LINK_PLACEHOLDER}"
    assert len(fill_link(words, token_of(KEY, "a"))) == len(words)


def test_the_hash_does_not_tell_the_token():
    token = token_of(KEY, "a")
    assert token not in hash_of_token(token)
    assert hash_of_token(token) != hash_of_token(token_of(KEY, "b"))
