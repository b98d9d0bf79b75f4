"""Send mails by a shop's own mail relay over SMTP (RFC 5321), with TLS and, where the relay asks for it, a password."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPNotSupported,
    SMTPResponseException,
)

from channels.email.mime import message_id, mime_bytes
from channels.headers import ADDRESS_PATTERN, ascii_address, one_line
from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.config.shop import Sender
from models.enums import SmtpTls
from models.messages import Message, Receipt

MAILBOX_CODES = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")
"""Enhanced codes (RFC 3463) of an address that does not exist: it is not written to again."""
ACCOUNT_CODES = (421, 454, 530, 534, 535, 538)
"""Answers that are about the connection or the account, whatever command they answer (RFC 5321, RFC 4954)."""
ACCOUNT_DOWN = (530, 534, 535, 538)
"""Those of them that a person must mend: no message is taken until then."""
RELAY_BUSY = timedelta(minutes=1)
"""The pause after a relay closed the connection or said that it is busy."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail relay and how to reach it."""

    host: str
    port: int
    tls: SmtpTls
    user: str | None = None
    password: str | None = None


class SmtpTransport:
    """Sends mails over at most `parallel` connections, each used for many mails.

    A mail is taken when the relay answers its end with 250. Until its last line has been sent the relay cannot have it;
    from then on, a missing answer leaves the outcome unknown. SMTP has no records that could be asked later.
    """

    def __init__(
        self,
        relay: Relay,
        sender: Sender,
        *,
        now: Callable[[], datetime],
        timeout: float = 15,
        parallel: int = 16,
        bounces_to: str | None = None,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """Set the relay; `bounces_to` receives the reports of undelivered mails, by default the sender."""
        self._relay, self._sender, self._now, self._timeout = relay, sender, now, timeout
        self._envelope = ascii_address(bounces_to or sender.email)
        self._trusted = trusted
        self._idle: list[SMTP] = []
        self._slots = asyncio.Semaphore(parallel)

    async def send(self, message: Message) -> Receipt:
        if "@" not in message.to:
            raise PermanentFailure("the mail has no address")
        to = ascii_address(message.to)
        if not to.isascii():
            raise PermanentFailure("the address has letters that mail relays do not take before the @")
        body = mime_bytes(message, self._sender, self._now())
        async with self._slots:
            client = await self._introduced(message.id, to)
            try:
                reference = await self._hand_over(client, body)
            except BaseException:
                client.close()
                raise
            self._idle.append(client)
        return Receipt(reference or message_id(message.id, self._sender), {"status": "accepted"})

    async def check(self) -> str:
        """Connect and sign in; raises TemporaryFailure as `send` does."""
        client = await self._connected()
        await self._quit(client)
        return f"{self._relay.host} takes mail" + (" and accepts the password" if self._relay.user else "")

    async def close(self) -> None:
        while self._idle:
            await self._quit(self._idle.pop())

    async def _quit(self, client: SMTP) -> None:
        with suppress(SMTPException, OSError, TimeoutError):
            await client.quit(timeout=min(self._timeout, 2))
        client.close()

    async def _introduced(self, id: str, to: str) -> SMTP:  # noqa: A002 - the message's own name
        """Return a connection on which the relay knows who writes to whom, within one timeout."""
        client: SMTP | None = None
        try:
            async with asyncio.timeout(self._timeout):
                client = await self._client()
                await self._name_both(client, id, to)
        except TimeoutError as error:
            _close(client)
            raise TemporaryFailure("the relay did not answer in time", retry_after=RELAY_BUSY) from error
        except BaseException:
            _close(client)
            raise
        return client

    async def _client(self) -> SMTP:
        """Return a connection that answers; a relay closes idle ones when it likes."""
        while self._idle:
            client = self._idle.pop()
            try:
                await client.rset()
            except (SMTPException, OSError):
                client.close()
            except BaseException:
                client.close()
                raise
            else:
                return client
        return await self._connected()

    async def _connected(self) -> SMTP:
        relay = self._relay
        client = SMTP(
            hostname=relay.host,
            port=relay.port,
            username=relay.user,
            password=relay.password,
            use_tls=relay.tls is SmtpTls.TLS,
            start_tls=relay.tls is SmtpTls.STARTTLS,
            tls_context=self._trusted,
            timeout=self._timeout,
        )
        try:
            await client.connect()
        except BaseException as error:
            client.close()
            if isinstance(error, Exception):
                raise _unconnected(error, relay) from error
            raise
        return client

    async def _name_both(self, client: SMTP, id: str, to: str) -> None:  # noqa: A002 - the message's own name
        has_reports = client.supports_extension("dsn")
        try:
            await client.mail(self._envelope, options=["RET=HDRS", f"ENVID={_xtext(id)}"] if has_reports else None)
        except SMTPResponseException as error:
            # The sender is the same in every mail, so what is wrong with it concerns all of them.
            raise _temporary(error, "the sender", down=_is_final(error)) from error
        except (SMTPException, OSError) as error:
            raise _lost(error) from error
        try:
            await client.rcpt(to, options=["NOTIFY=FAILURE,DELAY"] if has_reports else None)
        except SMTPResponseException as error:
            raise _refused(error, "the address") from error
        except (SMTPException, OSError) as error:
            raise _lost(error) from error

    async def _hand_over(self, client: SMTP, body: bytes) -> str:
        """Send the mail itself; return the relay's id of it, empty where it names none."""
        try:
            answer = await client.data(body)
        except SMTPResponseException as error:
            raise _refused(error, "the mail") from error
        except (SMTPException, OSError) as error:
            reason = "no answer came" if isinstance(error, TimeoutError) else "the connection broke"
            raise OutcomeUnknown(f"{reason} while the relay took the mail") from error
        return _queue_id(answer.message)


def _close(client: SMTP | None) -> None:
    if client is not None:
        client.close()


def _unconnected(error: Exception, relay: Relay) -> Exception:
    """Return what a failed connection means: the relay has seen no mail yet."""
    match error:
        case SMTPAuthenticationError():
            # 454 and other 4xx pass by themselves; the rest means a wrong password or account.
            return _temporary(error, "the sign-in", down=_is_final(error))
        case SMTPException() if type(error) in (SMTPException, SMTPNotSupported):
            reason = f"the relay does not offer what the settings ask for: {_shown(str(error))}"
            return TemporaryFailure(reason, channel_down=True)
        case SMTPResponseException():
            return _temporary(error, "the connection", down=error.code in ACCOUNT_DOWN)
        case SMTPException() | OSError():
            what = _shown(str(error) or type(error).__name__)
            return TemporaryFailure(f"{relay.host}, port {relay.port}, cannot be reached: {what}")
    return error


def _is_final(error: SMTPResponseException) -> bool:
    return 500 <= error.code < 600


def _refused(error: SMTPResponseException, what: str) -> Exception:
    if error.code in ACCOUNT_CODES or not _is_final(error):
        return _temporary(error, what, down=error.code in ACCOUNT_DOWN)
    enhanced = error.message.split(" ", 1)[0]
    return PermanentFailure(_reason(error, what), code=str(error.code), suppress=enhanced in MAILBOX_CODES)


def _temporary(error: SMTPResponseException, what: str, *, down: bool) -> TemporaryFailure:
    wait = RELAY_BUSY if error.code == 421 else None
    return TemporaryFailure(_reason(error, what), code=str(error.code), retry_after=wait, channel_down=down)


def _lost(error: BaseException) -> TemporaryFailure:
    reason = f"the connection broke before the mail was sent: {type(error).__name__}"
    return TemporaryFailure(reason, retry_after=RELAY_BUSY)


def _reason(error: SMTPResponseException, what: str) -> str:
    return f"the relay answered {error.code} to {what}: {_shown(error.message)}"


def _shown(text: str) -> str:
    """Return a relay's words without addresses: they may be logged."""
    return ADDRESS_PATTERN.sub("an address", one_line(text))[:300]


def _xtext(text: str) -> str:
    """Return an envelope id as RFC 3461 writes it."""
    return "".join(char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in text)[:100]


def _queue_id(answer: str) -> str:
    """Return the id under which a relay says that it queued a mail, as Postfix and Exim do; empty for other words."""
    words = one_line(answer).split(" ")
    for before, after in pairwise(words):
        if before.lower() in ("as", "id") or before.lower().startswith("id="):
            return after.strip("<>;,.")
    named = next((word[3:] for word in words if word.lower().startswith("id=")), "")
    return named.strip("<>;,.")
