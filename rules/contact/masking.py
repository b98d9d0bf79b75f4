"""Addresses as staff may see them: enough to recognise, too little to write to."""


def mask_address(address: str) -> str:
    """Return `a…@example.com` for a mail address and `+49…42` for a number."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return f"{address[:3]}…{address[-2:]}" if len(address) > 7 else "…"
