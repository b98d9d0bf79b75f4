"""A server that clients cannot hold up: with slow requests, with too many, with bodies that never end."""

import base64
import logging
import socket
import time
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.signatures import sign
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import get, serving
from tests.support.shop_driver import noon
from web import server
from web.server import BoundedProtocol, server_config
from web.storefront.endpoints import Storefront
from web.vendors import responses as vendors

BODY_SECONDS = 0.4
SECRET = f"whsec_{base64.b64encode(b'a secret of 24 bytes or more').decode()}"
SIGNED = sign(SECRET, "m-1", "x", noon(0))


def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


@pytest.fixture
def address(monkeypatch):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 20)
    with serving(Starlette(routes=[Route("/", hello)]), http=BoundedProtocol) as url:
        yield url


def connect(url):
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def is_closed(connection):
    """Say whether the server hung up; waits for it."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def read_to(connection, end):
    """Say whether an answer ends so; it may come in pieces."""
    said = b""
    while piece := connection.recv(4096):
        said += piece
        if said.endswith(end):
            return True
    return False


def test_a_client_that_never_ends_its_headers_is_hung_up_on(address):
    begun = time.monotonic()
    with connect(address) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert is_closed(slow)
    assert time.monotonic() - begun >= 1


def test_a_client_that_says_nothing_or_dribbles_is_hung_up_on(address):
    with connect(address) as idle:
        assert is_closed(idle)
    with connect(address) as dribbling:
        assert hung_up_while(dribbling)


def hung_up_while(dribbling):
    """Send a byte now and then; say whether the server hung up."""
    try:
        for _ in range(100):
            dribbling.sendall(b"G")
            time.sleep(0.05)
    except ConnectionError:
        return True
    return False


def test_after_an_answer_the_next_request_has_its_own_time(address):
    with connect(address) as client:
        for _ in range(3):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_to(client, b"hello")
            time.sleep(0.4)  # together longer than one request may take
        client.sendall(b"GET / HTTP/1.1\r\nHo")
        assert is_closed(client)


def _status(address):
    try:
        return get(f"{address}/").status
    except OSError:
        return None


def test_too_many_connections_are_turned_away_and_the_server_goes_on(address):
    crowd = [connect(address) for _ in range(30)]
    try:
        # A busy machine hangs up on the crowd later; a server that goes on answers in the end.
        until = time.monotonic() + 30
        while (status := _status(address)) != 200 and time.monotonic() < until:
            time.sleep(0.2)
        assert status == 200
    finally:
        for one in crowd:
            one.close()


def test_the_limits_are_those_that_forewarn_serve_uses():
    config = server_config(Starlette())
    config.load()
    assert config.http_protocol_class is BoundedProtocol
    assert server.MAX_CONNECTIONS < 1024


@pytest.fixture
def ledger(tmp_path):
    """Return the address of a ledger on SQLite: no limit here depends on the database."""
    return sqlite_ledger(tmp_path / "ledger.db")


@pytest.fixture
def answers(context, monkeypatch):
    monkeypatch.setattr(vendors, "BODY_TIMEOUT_SECONDS", BODY_SECONDS)
    app = Starlette(routes=vendors.routes(context, {"V1": SECRET}, lambda: noon(0)))
    with serving(app) as url:
        yield url


def head(length, signed=SIGNED):
    headers = {"Host": "x", "X-Forewarn-Vendor": "V1", **signed, "Content-Length": str(length)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /vendors/answers HTTP/1.1\r\n{lines}\r\n".encode()


def test_a_body_that_never_ends_is_given_up(answers):
    with connect(answers) as slow:
        slow.sendall(head(100) + b"[")
        assert b" 408 " in slow.recv(4096)


@pytest.mark.parametrize(
    ("length", "signed", "status"),
    [
        (5_000_000, SIGNED, b" 413 "),
        (100, {"webhook-signature": "nonsense"}, b" 401 "),
        (100, sign(SECRET, "m-1", "x", noon(-1)), b" 401 "),
    ],
)
def test_a_message_that_its_head_condemns_is_answered_before_its_body_comes(answers, length, signed, status):
    with connect(answers) as client:
        client.sendall(head(length, signed))
        assert status in client.recv(4096)


def test_a_client_that_hangs_up_leaves_no_traceback(answers, caplog):
    with caplog.at_level(logging.ERROR), connect(answers) as client:
        client.sendall(head(100) + b"[")
    time.sleep(2 * BODY_SECONDS)
    assert [one for one in caplog.records if one.exc_info] == []


def test_only_a_few_bodies_are_read_at_once(answers, monkeypatch):
    monkeypatch.setattr(vendors, "MAX_CONCURRENT_BODIES", 2)
    waiting = [connect(answers) for _ in range(2)]
    for one in waiting:
        one.sendall(head(100) + b"[")
    time.sleep(0.2)
    with connect(answers) as third:
        third.sendall(head(100) + b"[")
        assert b" 503 " in third.recv(4096)
    for one in waiting:
        one.close()


def test_without_keys_there_is_no_route_for_vendors(context):
    assert vendors.routes(context, {}, lambda: noon(0)) == []


def test_thousands_of_languages_in_one_request_cost_no_more_than_ten(context):
    app = Starlette(routes=Storefront(context, lambda: noon(0)).routes)
    with serving(app) as url:
        many = "&".join(f"lang=x{n}" for n in range(4000))
        assert get(f"{url}/stock.json?{many}&lang=pt_BR").status == 200
        header = ",".join(f"x{n}" for n in range(4000))
        assert get(f"{url}/stock.json", Accept_Language=header).status == 200
