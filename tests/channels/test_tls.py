"""Whom a transport believes: a provider whose certificate does not hold gets no message and no credential."""

import asyncio
import ipaddress
import json
import os
import ssl
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.channels.test_transports import WAYS
from tests.support.paths import ROOT
from tests.support.provider import run_provider

DAY = timedelta(days=1)
# A process of its own, for what it trusts is settled when it starts.
SENDS = """
import asyncio, json, sys
from tests.channels.test_transports import WAYS

async def outcome(way, url):
    transport = way.transport(url)
    try:
        return (await transport.send(way.message)).reference
    except Exception as error:
        return f"{type(error).__name__}, down: {error.channel_down}, {error.reason}"
    finally:
        await transport.close()

print(json.dumps([asyncio.run(outcome(way, sys.argv[1 + n])) for n, way in enumerate(WAYS.values())]))
"""


class Authority:
    """Somebody who signs certificates."""

    def __init__(self, name):
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), _name(name)
        made = _certificate(self.name, self.name, self.key.public_key(), datetime.now(UTC) + DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = made.sign(self.key, hashes.SHA256())

    def server(self, folder, host="127.0.0.1", until=DAY):
        """Return the context of a server for a host, whose certificate ends `until` from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(_name("provider"), self.name, key.public_key(), datetime.now(UTC) + until)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
        signed = made.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        file = folder / "server.pem"
        file.write_bytes(_pem(signed) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ))  # fmt: skip
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(whose, by, key, until):
    return (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(by)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 30 * DAY)
        .not_valid_after(until)
    )


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


async def test_a_provider_whose_certificate_does_not_hold_is_told_nothing_and_the_message_waits(tmp_path):
    ours, theirs = Authority("ours"), Authority("somebody")
    (tmp_path / "trusted.pem").write_bytes(_pem(ours.certificate))
    contexts = {
        "": ours.server(tmp_path),
        "certificate has expired": ours.server(tmp_path, until=-DAY),
        "not valid for '127.0.0.1'": ours.server(tmp_path, host="127.0.0.2"),
        "unable to get local issuer certificate": theirs.server(tmp_path),
    }
    async with AsyncExitStack() as stack:
        servers = {
            why: [await stack.enter_async_context(run_provider(tls)) for _ in WAYS] for why, tls in contexts.items()
        }
        for group in servers.values():
            for way, server in zip(WAYS.values(), group, strict=True):
                server.answer_with(way.taken)
        told = dict(
            zip(servers, await asyncio.gather(*(sent(tmp_path, group) for group in servers.values())), strict=True)
        )
    assert told.pop("") == [way.reference for way in WAYS.values()]
    for why, outcomes in told.items():
        assert [why in one and one.startswith("TemporaryFailure, down: False") for one in outcomes] == [True] * 3, (
            outcomes
        )
        assert [server.requests for server in servers[why]] == [[]] * 3


async def sent(place, servers):
    """Send a message by each transport to a server of its own, trusting one authority; return what came of each."""
    env = os.environ | {"SSL_CERT_FILE": str(place / "trusted.pem")}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SENDS, *(server.url for server in servers), cwd=ROOT, env=env, stdout=-1, stderr=-1
    )
    out, complaints = await running.communicate()
    assert running.returncode == 0, complaints.decode()
    return json.loads(out)
