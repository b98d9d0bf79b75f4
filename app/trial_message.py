"""Send one message to oneself, as a customer would get it, outside the ledger."""

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
from templates.rendering.environment import BadWords
from templates.rendering.samples import plans

PREFIX = "[Test] "


async def send_test_message(
    house: App, channel: Channel, to: str, message: str, order: str | None, language: str | None, as_of: date | None
) -> Receipt:
    """Send a sample of a message, or an order's real one, to one address; return the provider's receipt.

    Raises ForewarnError where there is no such message, or the provider does not take it.
    """
    words = _sample(house, channel, message, language) if order is None else _real(house, channel, order, as_of)
    subject = PREFIX + words.subject if channel is Channel.EMAIL else ""
    letter = replace(words, id=uuid.uuid4().hex, to=to, to_name="", subject=subject, valid_until=None)
    time = make_clock(house.folder.shop.zone, None)
    async with open_transports(house, time.now) as (transports, shut):
        if channel not in transports:
            raise ForewarnError(f"{channel} is not set up: {shut.get(channel, 'no provider')}")
        try:
            return await transports[channel].send(letter)
        except (PermanentFailure, TemporaryFailure, OutcomeUnknown) as error:
            raise ForewarnError(f"the test message was not taken: {error}") from error


def _sample(house: App, channel: Channel, message: str, language: str | None) -> Message:
    try:
        _, plan = next(iter(plans(message, language or house.desk.shop.locale)))
        contact = next(one for one in plan.contacts if one.channel is channel)
        return house.desk.words.message(plan, contact, id="test")
    except BadWords as error:
        raise ForewarnError(str(error)) from error


def _real(house: App, channel: Channel, order: str, as_of: date | None) -> Message:
    now = make_clock(house.folder.shop.zone, as_of, ahead=True).read()
    with read_only(house.desk.engine) as connection:
        found, _ = preview_messages(house.desk, connection, order, now)
    words = next((one for _, one in found if one.channel is channel), None)
    if words is None:
        raise ForewarnError(f"order {order} gets no {channel}")
    return words
