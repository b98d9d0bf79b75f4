"""Quantities: whole pieces, or fractions with up to three decimals, as 1.5 metres of fabric."""

from decimal import Decimal

Quantity = int | Decimal
"""An int when it is whole, otherwise a Decimal."""
THOUSANDTHS = 1_000


def normalized(value: Quantity | float) -> Quantity:
    """Return a quantity as an int if it is whole, otherwise as a Decimal without trailing zeros.

    Raises ValueError for more than three decimals. The rounding error of a float is ignored.
    """
    if isinstance(value, int):
        return int(value)
    thousandths = round(value * THOUSANDTHS)
    if abs(float(value) * THOUSANDTHS - thousandths) > (1e-6 if isinstance(value, float) else 0):
        raise ValueError(f"a quantity has at most three decimals (found {value})")
    return from_thousandths(thousandths)


def from_thousandths(count: int) -> Quantity:
    """Return the quantity of a number of thousandths."""
    whole, rest = divmod(count, THOUSANDTHS)
    return whole if not rest else (Decimal(count) / THOUSANDTHS).normalize()


def as_number(value: Quantity) -> int | float:
    """Return a quantity as a number for JSON."""
    return float(value) if isinstance(value, Decimal) else value


def counted(count: int, noun: str, spread: str = "") -> str:
    """Return a count with its noun, as `1 day`, `3 days` or, with a spread, `14 ± 3 days`."""
    return f"{count:,}{spread} {noun}" + ("" if count == 1 and not spread else "s")


def plain(value: Quantity) -> str:
    """Return a quantity in plain digits, such as `3` or `1.5`."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
