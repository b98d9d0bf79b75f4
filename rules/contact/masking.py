"""Mask addresses for staff and logs: enough is left to recognise one, too little to use it."""


def mask_address(address: str) -> str:
    """Return `a…@example.com` for a mail address and `+49…42` for a number."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return f"{address[:3]}…{address[-2:]}" if len(address) > 7 else "…"
