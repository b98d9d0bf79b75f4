"""Tests of mails that are stored compressed."""

import gc
import threading
from datetime import UTC, datetime
from itertools import count

import pytest
from sqlalchemy import insert, select, text

from models.tables import stored_html
from models.tables.stored_html import DICTIONARIES, FRAME, NEWEST, compress_html, decompress_html
from tasks.tables import CUSTOMER_MAILS

NOON = datetime(2026, 6, 15, 10, tzinfo=UTC)
MAIL = "<!doctype html><html lang='de'><body><p>Guten Tag Ärztin, 你好 \U0001f4e6</p></body></html>\r\n" * 20


@pytest.mark.parametrize("html", ["", "x", MAIL, "\0", FRAME.decode("latin-1"), "z" * 5_000_000])
def test_text_is_stored_and_read_to_the_letter(html: str) -> None:
    assert decompress_html(compress_html(html)) == html


def test_what_was_stored_before_is_read_as_it_is() -> None:
    assert decompress_html(MAIL.encode()) == MAIL


def test_mail_of_an_unknown_dictionary_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = compress_html(MAIL)
    monkeypatch.setattr(stored_html, "DICTIONARIES", {})
    monkeypatch.setattr(stored_html, "_of_thread", threading.local())
    stored_html._read_dictionary.cache_clear()
    with pytest.raises(LookupError):
        decompress_html(stored)


def test_every_dictionary_there_ever_was_is_there() -> None:
    for number in DICTIONARIES:
        assert stored_html._read_dictionary(number).dict_id() == number
    assert max(DICTIONARIES) == NEWEST


def test_column_keeps_a_fraction_and_gives_the_text(context) -> None:
    row = dict.fromkeys(("id", "order_id", "customer_id", "kind", "address", "locale", "subject", "text"), "")
    with context.engine.begin() as connection:
        connection.execute(insert(CUSTOMER_MAILS).values(**row, html=MAIL, created_at=NOON))
        assert connection.execute(select(CUSTOMER_MAILS.c.html)).scalar() == MAIL
        raw = connection.execute(text("SELECT html FROM customer_mail")).scalar()
    assert bytes(raw).startswith(FRAME)
    assert len(raw) < len(MAIL) / 5


def test_many_threads_store_and_read_at_once() -> None:
    wrong: list[str] = []
    numbers = count()

    def work() -> None:
        for _ in range(300):
            html = f"{MAIL} {next(numbers)}"
            if decompress_html(compress_html(html)) != html:
                wrong.append(html)

    for _ in range(3):  # compressors of threads that ended are freed between
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
    assert not wrong
