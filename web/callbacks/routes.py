"""The routes of providers' callbacks: docs/callbacks.md."""

from starlette.routing import Route

from app.callbacks import CallbackKeys
from web.callbacks.intake import Append, Intake
from web.callbacks.sendgrid import SendGridEndpoint
from web.callbacks.twilio import TwilioEndpoints


def callback_routes(keys: CallbackKeys, append: Append) -> list[Route]:
    """Return the routes of the providers whose keys are known; each callback is stored by `append`."""
    intake = Intake(append)
    twilio = TwilioEndpoints(keys.url, keys.twilio, intake).routes if keys.twilio else []
    sendgrid = SendGridEndpoint(keys.sendgrid, intake).routes if keys.sendgrid else []
    return [*twilio, *sendgrid]
