"""Mails through a relay: a real SMTP server takes, refuses, breaks off and keeps silent."""

import asyncio
import email
import email.policy
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography.hazmat.primitives import serialization

from channels.email.smtp import Relay, SmtpTransport
from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.config.settings import GivenSettings
from models.config.shop import Sender
from models.enums import SmtpTls
from models.messages import Attachment
from tests.channels.test_tls import Authority
from tests.channels.test_transports import MAIL

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
SENDER = Sender(name="Tea & Co", email="shop@example.com", reply_to="help@example.com")
QUICK = 0.6
"""Seconds that a test waits for a silent relay."""


class Mailroom:
    """What a relay does with mails; each stage answers what a test wants, at once or never."""

    def __init__(self, **answers):
        self.answers, self.mails, self.seen, self.connections = answers, [], [], 0
        self.silent = asyncio.Event()

    async def _answer(self, stage, server, usual):
        self.seen.append(stage)
        answer = self.answers.get(stage, usual)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else usual
        if answer == "silence":
            self.silent.set()
            await asyncio.sleep(30)
        if answer == "drop":
            server.transport.abort()
        return answer

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        envelope.mail_from, envelope.mail_options = address, options
        return await self._answer("mail", server, "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        answer = await self._answer("rcpt", server, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        answer = await self._answer("data", server, "250 2.0.0 Ok: queued as 4XyZ12")
        if answer.startswith("250"):
            self.mails.append(envelope)
        return answer


class CountedServer(SMTP):
    """Counts its connections."""

    def __init__(self, room, **options):
        super().__init__(room, **options)
        self._room = room

    def connection_made(self, transport):
        self._room.connections += 1
        super().connection_made(transport)


@asynccontextmanager
async def relaying(room, ssl_context=None, **options):
    """Run a relay, and give its port."""
    server = await asyncio.get_running_loop().create_server(
        lambda: CountedServer(room, hostname="relay", **options), "127.0.0.1", 0, ssl=ssl_context
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def transport_to(port, tls=SmtpTls.NONE, user=None, password=None, parallel=4, seconds=5, **options):
    relay = Relay("127.0.0.1", port, tls, user, password)
    transport = SmtpTransport(relay, SENDER, now=lambda: NOW, timeout=seconds, parallel=parallel, **options)
    try:
        yield transport
    finally:
        await transport.close()


async def sent(room, message=MAIL, **options):
    async with relaying(room) as port, transport_to(port, **options) as transport:
        return await transport.send(message)


def mime(envelope):
    return email.message_from_bytes(envelope.content, policy=email.policy.default)


async def test_a_mail_is_taken_and_arrives_as_it_was_written():
    room = Mailroom()
    receipt = await sent(
        room, replace(MAIL, subject="Ihre Bestellung 7: später", unsubscribe_url="https://x.example/u")
    )
    assert receipt.reference == "4XyZ12"
    (envelope,) = room.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("shop@example.com", ["anna@example.com"])
    mail = mime(envelope)
    assert mail["Subject"] == "Ihre Bestellung 7: später"
    assert mail["From"].addresses[0].display_name == "Tea & Co"
    assert mail["To"] == "Anna Schmidt <anna@example.com>"
    assert mail["Reply-To"] == "help@example.com"
    assert mail["Message-ID"] == "<n-1@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_body(("plain",)).get_content().strip() == "Hello Anna"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Hello Anna</p>"
    assert mail["Date"].datetime == NOW


async def test_lines_stay_within_what_relays_take_and_a_point_alone_stays():
    text = "a" * 3000 + "\n.\n..\nä end"
    room = Mailroom()
    await sent(room, replace(MAIL, text=text, html=""))
    (envelope,) = room.mails
    assert max(map(len, envelope.content.splitlines())) <= 998
    assert mime(envelope).get_content().replace("\r\n", "\n").strip() == text


async def test_files_of_a_purchase_request_come_along():
    room = Mailroom()
    await sent(room, replace(MAIL, attachments=(Attachment("order 1.csv", "text/csv", b"a,b\r\n1,2\r\n"),)))
    (attached,) = mime(room.mails[0]).iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("order 1.csv", "text/csv")
    assert attached.get_payload(decode=True) == b"a,b\r\n1,2\r\n"


async def test_names_and_subjects_start_no_other_header():
    room = Mailroom()
    await sent(room, replace(MAIL, subject="Hi\r\nBcc: eve@example.com", to_name="Anna\nBcc: eve@example.com"))
    mail = mime(room.mails[0])
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hi Bcc: eve@example.com"


@pytest.mark.parametrize(
    ("answers", "error", "details"),
    [
        ({"rcpt": "550 5.1.1 <anna@example.com> no such user"}, PermanentFailure, {"suppress": True, "code": "550"}),
        ({"rcpt": "550 5.7.1 relaying denied"}, PermanentFailure, {"suppress": False}),
        ({"rcpt": "450 4.2.1 mailbox busy"}, TemporaryFailure, {"channel_down": False, "code": "450"}),
        ({"rcpt": "452 4.5.3 too many"}, TemporaryFailure, {"channel_down": False}),
        ({"rcpt": "drop"}, TemporaryFailure, {"channel_down": False}),
        ({"rcpt": "silence"}, TemporaryFailure, {"channel_down": False}),
        ({"mail": "451 try later"}, TemporaryFailure, {"channel_down": False}),
        ({"mail": "550 5.7.1 sender not allowed"}, TemporaryFailure, {"channel_down": True}),
        ({"mail": "530 5.7.0 sign in first"}, TemporaryFailure, {"channel_down": True}),
        ({"mail": "drop"}, TemporaryFailure, {"channel_down": False}),
        ({"mail": "silence"}, TemporaryFailure, {"channel_down": False}),
        ({"mail": "421 4.3.2 shutting down"}, TemporaryFailure, {"channel_down": False}),
        ({"data": "451 4.3.0 queue full"}, TemporaryFailure, {"channel_down": False}),
        ({"data": "554 5.7.1 looks like spam"}, PermanentFailure, {"suppress": False, "code": "554"}),
        ({"data": "552 5.3.4 too big"}, PermanentFailure, {"suppress": False}),
        ({"data": "drop"}, OutcomeUnknown, {}),
        ({"data": "silence"}, OutcomeUnknown, {}),
    ],
)
async def test_each_answer_has_its_outcome(answers, error, details):
    room = Mailroom(**answers)
    with pytest.raises(error) as raised:
        await sent(room, seconds=QUICK if "silence" in answers.values() else 5)
    for name, value in details.items():
        assert getattr(raised.value, name) == value
    assert "anna@example.com" not in raised.value.reason
    assert not room.mails


async def test_one_connection_takes_many_mails():
    room = Mailroom()
    async with relaying(room) as port, transport_to(port, parallel=1) as transport:
        for n in range(5):
            await transport.send(replace(MAIL, id=f"n-{n}"))
    assert len(room.mails) == 5
    assert room.connections == 1


async def test_at_most_so_many_connections_stand_at_once():
    room = Mailroom()
    async with relaying(room) as port, transport_to(port, parallel=3) as transport:
        await asyncio.gather(*(transport.send(replace(MAIL, id=f"n-{n}")) for n in range(20)))
    assert len(room.mails) == 20
    assert 1 < room.connections <= 3


async def test_a_connection_that_the_relay_closed_meanwhile_is_replaced_without_a_failure():
    room = Mailroom()
    async with relaying(room) as port, transport_to(port, parallel=1) as transport:
        await transport.send(MAIL)
        transport._idle[0].transport.abort()
        await asyncio.sleep(0.05)
        await transport.send(replace(MAIL, id="n-2"))
    assert [mime(envelope)["Message-ID"] for envelope in room.mails] == ["<n-1@example.com>", "<n-2@example.com>"]


async def test_a_mail_after_a_refused_one_goes_its_own_way():
    room = Mailroom(rcpt=["550 5.1.1 no such user"])
    async with relaying(room) as port, transport_to(port, parallel=1) as transport:
        with pytest.raises(PermanentFailure):
            await transport.send(MAIL)
        await transport.send(replace(MAIL, id="n-2", to="ben@example.com"))
    assert [envelope.rcpt_tos for envelope in room.mails] == [["ben@example.com"]]


async def test_no_relay_there_is_a_fault_that_passes():
    async with relaying(Mailroom()) as port:
        pass
    async with transport_to(port) as transport:
        with pytest.raises(TemporaryFailure) as raised:
            await transport.send(MAIL)
    assert not raised.value.channel_down
    assert "cannot be reached" in raised.value.reason


def _authenticator(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (b"shop", b"planted-password")
    return AuthResult(success=is_right, handled=is_right)


def _trusting(authority):
    pem = authority.certificate.public_bytes(serialization.Encoding.PEM).decode()
    return ssl.create_default_context(cadata=pem)


@pytest.fixture
def authority():
    return Authority("a root")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("tls", [SmtpTls.STARTTLS, SmtpTls.TLS])
async def test_a_password_is_given_over_an_encrypted_connection_only(tls, authority, tmp_path):
    room, served = Mailroom(), authority.server(tmp_path)
    options = {"authenticator": _authenticator, "auth_required": True}
    if tls is SmtpTls.STARTTLS:
        options |= {"tls_context": served, "require_starttls": True}
    else:
        options |= {"auth_require_tls": False}  # the server does not know that its socket is encrypted
    async with relaying(room, served if tls is SmtpTls.TLS else None, **options) as port:
        given = {"tls": tls, "trusted": _trusting(authority), "user": "shop"}
        async with transport_to(port, password="planted-password", **given) as transport:
            assert await transport.check() == "127.0.0.1 takes mail and accepts the password"
            await transport.send(MAIL)
        async with transport_to(port, password="planted-wrong", **given) as transport:
            with pytest.raises(TemporaryFailure) as raised:
                await transport.send(MAIL)
    assert raised.value.channel_down
    assert "planted" not in raised.value.reason
    assert len(room.mails) == 1


async def test_a_relay_without_encryption_gets_nothing():
    room = Mailroom()
    async with relaying(room) as port, transport_to(port, tls=SmtpTls.STARTTLS) as transport:
        with pytest.raises(TemporaryFailure) as raised:
            await transport.send(MAIL)
    assert raised.value.channel_down
    assert not room.seen


@pytest.mark.parametrize("tls", [SmtpTls.STARTTLS, SmtpTls.TLS])
async def test_a_relay_whose_certificate_does_not_hold_gets_nothing(tls, authority, tmp_path):
    room, served = Mailroom(), authority.server(tmp_path)
    options = {"tls_context": served} if tls is SmtpTls.STARTTLS else {}
    async with (
        relaying(room, served if tls is SmtpTls.TLS else None, **options) as port,
        transport_to(port, tls=tls) as transport,
    ):
        with pytest.raises(TemporaryFailure) as raised:
            await transport.send(MAIL)
    assert "certificate" in raised.value.reason.lower()
    assert not room.seen


async def test_a_cancelled_send_closes_its_connection():
    room = Mailroom(data="silence")
    async with relaying(room) as port, transport_to(port, parallel=1) as transport:
        sending = asyncio.ensure_future(transport.send(MAIL))
        await room.silent.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not transport._idle


def test_plain_text_to_another_machine_is_refused_in_the_settings():
    assert GivenSettings(smtp_host="127.0.0.1", smtp_tls="none").smtp_tls is SmtpTls.NONE
    with pytest.raises(ValueError, match="plain text"):
        GivenSettings(smtp_host="mail.example.com", smtp_tls="none")
