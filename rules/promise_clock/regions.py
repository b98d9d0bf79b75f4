"""The region of an address, where a country's regions have laws of their own."""

PROVINCES = {"K": "ON", "L": "ON", "M": "ON", "N": "ON", "P": "ON", "G": "QC", "H": "QC", "J": "QC"}
"""Canadian provinces with own rules, by the first letter of the postcode."""


def region_of(country: str, postcode: str | None) -> str:
    """Return the region of an address by ISO code; empty where it makes no difference or is not known."""
    return PROVINCES.get((postcode or "").strip()[:1].upper(), "") if country == "CA" else ""
