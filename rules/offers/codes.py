"""Discount codes that are easy to read aloud and hard to guess."""

ALPHABET = "3479CFHJKMPRTWXY"
"""Sixteen characters that are easy to tell apart in print.

Left out are 0 O Q D, 1 I L, 2 Z, 5 S, 6 G, 8 B, U V, A (as 4), N (as M); without a vowel no code spells a word.
Each carries exactly four bits, so that every code is equally likely.
"""

CODE_BITS = 48
"""Random bits in a code: one guess a second finds one of a million codes about once in nine years."""

_PREFIX = "WAIT"
_GROUP = 4


def new_code(random_bits: int) -> str:
    """Write `CODE_BITS` random bits as a code such as `WAIT-7KTM-4XTR-9CHP`; the bits come from the `secrets` module.

    Raises ValueError for a number of more bits, or below 0.
    """
    if not 0 <= random_bits < 2**CODE_BITS:
        raise ValueError(f"a code is made of {CODE_BITS} random bits, as secrets.randbits({CODE_BITS}) gives them")
    characters = "".join(ALPHABET[random_bits >> shift & 0xF] for shift in range(CODE_BITS - 4, -1, -4))
    groups = (characters[start : start + _GROUP] for start in range(0, len(characters), _GROUP))
    return "-".join((_PREFIX, *groups))
