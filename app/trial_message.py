"""Send one test message to the user, as a customer would get it, without recording it in the ledger."""

import uuid
from dataclasses import replace
from datetime import date

from app.clock import make_clock
from app.composition import App
from app.transports import open_transports
from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.enums import Channel
from models.errors import ForewarnError
from models.messages import Message, Receipt
from tasks.db.sql import read_only
from tasks.reporting.message_preview import preview_messages
from templates.rendering.environment import TemplateError
from templates.rendering.samples import sample_plans

PREFIX = "[Test] "


async def send_test_message(
    app: App, channel: Channel, to: str, message: str, order: str | None, language: str | None, as_of: date | None
) -> Receipt:
    """Send a sample of a message, or an order's real one, to one address; return the provider's receipt.

    Raises ForewarnError when there is no such message, or the provider does not take it.
    """
    rendered = _sample(app, channel, message, language) if order is None else _of_order(app, channel, order, as_of)
    subject = PREFIX + rendered.subject if channel is Channel.EMAIL else ""
    test_message = replace(rendered, id=uuid.uuid4().hex, to=to, to_name="", subject=subject, valid_until=None)
    return await deliver_test(app, test_message)


async def deliver_test(app: App, message: Message, what: str = "the test message") -> Receipt:
    """Send a message that nothing records, by the transport of its channel. Raises ForewarnError, which says `what`."""
    time, channel = make_clock(app.folder.shop.zone, None), message.channel
    async with open_transports(app, time.now) as (transports, closed):
        if channel not in transports:
            raise ForewarnError(f"{channel} is not set up: {closed.get(channel, 'no provider')}")
        try:
            return await transports[channel].send(message)
        except (PermanentFailure, TemporaryFailure, OutcomeUnknown) as error:
            raise ForewarnError(f"{what} was not accepted: {error}") from error


def _sample(app: App, channel: Channel, message: str, language: str | None) -> Message:
    try:
        _, plan = next(iter(sample_plans(message, language or app.context.shop.locale)))
        contact = next(one for one in plan.contacts if one.channel is channel)
        return app.context.renderer.render_message(plan, contact, id="test")
    except TemplateError as error:
        raise ForewarnError(str(error)) from error


def _of_order(app: App, channel: Channel, order: str, as_of: date | None) -> Message:
    context = make_clock(app.folder.shop.zone, as_of, ahead=True).snapshot(app.context)
    with read_only(app.context.engine) as connection:
        found, _ = preview_messages(context, connection, order)
    words = next((one for _, one in found if one.channel is channel), None)
    if words is None:
        raise ForewarnError(f"order {order} gets no {channel}")
    return words
