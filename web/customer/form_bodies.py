"""Read a posted form, no longer than ours are, and in time."""

from starlette.datastructures import FormData
from starlette.requests import Request

from web.customer.forms import BadForm
from web.form_limits import read_limited_form
from web.security import is_from_another_site

MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 10


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; raises BadForm for one that another site sent, HTTPException for a long one."""
    if is_from_another_site(request.headers):
        raise BadForm("another site sent this form")
    return _texts(await read_limited_form(request, max_bytes=MAX_BODY_BYTES, max_fields=MAX_FIELDS))


def _texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}
