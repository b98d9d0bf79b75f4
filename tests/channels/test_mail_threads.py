"""What every mail says of itself: its own id, the thread that it joins, and that nobody need answer it."""

import json
from dataclasses import replace
from email import message_from_bytes

import pytest

from channels.email.mime import mime_bytes
from channels.local.outbox import LocalOutbox, location_of
from models.config.shop import Sender
from models.enums import Channel
from rules.ids import first_mail, notice_id
from tests.channels.test_transports import MAIL, NOW, WAYS, sent

SENDER = Sender(name="Tea & Co", email="shop@example.com")
FIRST = replace(MAIL, id=notice_id("1041", 1, Channel.EMAIL))
THIRD = replace(MAIL, id=notice_id("1041", 3, Channel.EMAIL), follows=first_mail("1041"))
ANSWER = replace(THIRD, is_answer=True)
NAMES = ("Message-ID", "In-Reply-To", "References", "Auto-Submitted")


async def by_sendgrid(message, provider, _):
    way = WAYS["sendgrid"]
    await sent(way, provider, way.taken, message=message)
    return json.loads(provider.requests[-1].body)["headers"]


async def by_smtp(message, *_):
    return message_from_bytes(mime_bytes(message, SENDER, NOW))


async def by_outbox(message, _, folder):
    await LocalOutbox(folder, SENDER).send(message)
    return message_from_bytes(location_of(folder, message).with_suffix(".eml").read_bytes())


@pytest.fixture(params=[by_sendgrid, by_smtp, by_outbox])
def headers(request, provider, tmp_path):
    async def read(message):
        found = await request.param(message, provider, tmp_path)
        return {name: found.get(name) for name in NAMES}

    return read


async def test_a_renewed_notice_joins_the_thread_of_the_first_mail_about_its_order(headers):
    first, third = await headers(FIRST), await headers(THIRD)
    assert first["Message-ID"] == f"<{FIRST.id}@example.com>"
    assert (first["In-Reply-To"], first["References"]) == (None, None)
    assert third["Message-ID"] != first["Message-ID"]
    assert (third["In-Reply-To"], third["References"]) == (first["Message-ID"],) * 2


@pytest.mark.parametrize(("message", "says"), [(THIRD, "auto-generated"), (ANSWER, "auto-replied")])
async def test_no_answering_machine_answers_a_mail(headers, message, says):
    assert (await headers(message))["Auto-Submitted"] == says


async def test_a_mailbox_can_sort_mails_by_message_and_days_late():
    mail = await by_smtp(replace(MAIL, days_group="8 to 14"))
    assert (mail["X-Forewarn-Message"], mail["X-Forewarn-Days-Late"]) == ("week", "8 to 14")
