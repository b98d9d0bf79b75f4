"""The addresses of the desk's pages. An id may have any character, a slash too: it is one encoded part of a path."""

from urllib.parse import quote, urlencode

DESK = "/desk"
SIGN_IN = f"{DESK}/sign-in"


def part(value: str) -> str:
    """Return a value as one part of a path."""
    return quote(value, safe="")


def desk_address(*parts: str, **query: str | int | None) -> str:
    """Return the address of a page, as `desk_address("orders", "1041", "hold")`, without empty values of the query."""
    path = "/".join([DESK, *(part(each) for each in parts)])
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def order_address(order_id: str, *more: str) -> str:
    """Return the address of an order's story, or of an act on it."""
    return desk_address("orders", order_id, *more)


def run_address(run_id: str, *more: str) -> str:
    """Return the address of a run."""
    return desk_address("runs", run_id, *more)


def request_address(request_id: str, *more: str) -> str:
    """Return the address of a request to a vendor."""
    return desk_address("vendors", request_id, *more)


def message_address(order_id: str, number: int) -> str:
    """Return the address of a message of an order."""
    return order_address(order_id, "messages", str(number))


PAGE_OF = {"order": "orders", "run": "runs", "request": "vendors", "post": "posts", "template": "templates"}
"""The page of a thing, by its kind in the audit log."""
LIST_OF = {
    "product": "products",
    "message": "in-doubt",
    "reply": "replies",
    "person": "people",
    "policy": "policy",
    "settings": "settings",
    "key": "settings",
    "webhook": "settings",
}


def subject_address(kind: str, subject: str) -> str:
    """Return the address of what an act was done to; the page of its kind where it has none of its own."""
    if kind in PAGE_OF and subject:
        return desk_address(PAGE_OF[kind], subject)
    return desk_address(LIST_OF[kind]) if kind in LIST_OF else DESK
