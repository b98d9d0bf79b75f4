"""The relays that Forewarn is measured beside: each posts every mail once, and says what it took."""

import pytest
from sqlalchemy import create_engine, text

from benchmarks.costs import server_costs
from benchmarks.pgqueue import enqueue, send_from_queue
from benchmarks.posting import BODIES, read_message
from benchmarks.provider import a_provider, bodies, taken
from benchmarks.relays import send_bare, send_by_sdk, send_durably
from benchmarks.turns import create_turns, open_turns
from models.enums import Channel
from models.messages import Message

MAILS, PARALLEL = 40, 8


class Pipe:
    """Keeps what a process sends back."""

    def send(self, shift):
        self.shift = shift


@pytest.fixture
def pipe():
    return Pipe()


@pytest.fixture
def provider():
    with a_provider(0.0, keep=True) as url:
        yield url


@pytest.fixture
def mails(tmp_path):
    """Return a file of finished mails, numbered from 0."""
    messages = [
        Message(str(n), Channel.EMAIL, f"{n}@example.com", "words", subject="Late", html="<p>words</p>")
        for n in range(MAILS)
    ]
    file = tmp_path / "mails"
    file.write_text("\n".join(map(BODIES["sendgrid"], messages)))
    return file


@pytest.fixture
def postgresql(postgres):
    """Return the address of a database of PostgreSQL, without a table."""
    with postgres.database() as url:
        yield url


def each_once():
    return {str(n): 1 for n in range(MAILS)}


def rows(url, table):
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT id FROM {table}")).scalars().all()  # noqa: S608 - a table of ours
    engine.dispose()
    return sorted(found, key=int)


def test_two_workers_of_bare_requests_share_the_mails(provider, mails, pipe):
    for worker in range(2):
        send_bare(provider, mails, PARALLEL, worker, 2, pipe)
        assert pipe.shift.sent == MAILS / 2
    assert taken(provider) == each_once()


def test_the_durable_floor_records_each_mail_before_and_after_it_is_sent(database, provider, mails, pipe):
    create_turns(database)
    send_durably(database, provider, mails, PARALLEL, 0, 1, pipe)
    assert taken(provider) == each_once()
    assert rows(database, "begun") == rows(database, "ended") == [*each_once()]


def test_pgqueuer_posts_each_mail_of_its_queue(postgresql, provider, mails, pipe):
    enqueue(postgresql, mails)
    send_from_queue(postgresql, provider, PARALLEL, pipe)
    assert pipe.shift.sent == MAILS
    assert taken(provider) == each_once()


def test_the_sdk_posts_the_same_mails(provider, mails, pipe):
    send_by_sdk(provider, mails, pipe)
    assert pipe.shift.sent == MAILS
    assert taken(provider) == {f"{n}@example.com": 1 for n in range(MAILS)}  # it names no notice


def test_the_mails_that_a_provider_keeps_are_those_that_were_posted(provider, mails, pipe):
    send_bare(provider, mails, 1, 0, 1, pipe)
    assert bodies(provider) == mails.read_bytes().split(b"\n")
    assert read_message(bodies(provider)[-1]).id == str(MAILS - 1)


def test_a_servers_costs_are_those_of_the_work(postgres, postgresql, provider, mails, pipe):
    create_turns(postgresql)
    with server_costs(postgres, postgresql) as spent:
        send_durably(postgresql, provider, mails, PARALLEL, 0, 1, pipe)
    assert (spent.row_versions, spent.hot_updates) == (2 * MAILS, 0)
    assert spent.wal_bytes > 2 * MAILS * len("id")
    assert spent.cpu_seconds >= 0


def test_a_worker_of_the_floor_may_begin_while_another_one_reads(tmp_path):
    url = f"sqlite:///{tmp_path / 'turns.db'}"
    create_turns(url)
    reader = create_engine(url)
    with reader.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("SELECT id FROM ended").all()
        with open_turns(url) as store:
            store.turn([], [("1",)])
    reader.dispose()
    assert rows(url, "begun") == ["1"]
