"""What lies in the local outbox, and what happens when it cannot be kept."""

import email
import email.policy
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.local.outbox import LocalOutbox, location_of
from channels.local.outbox_index import MAX_ROWS, write_outbox_index
from channels.transport import PermanentFailure, TemporaryFailure
from models.config.shop import Sender
from models.enums import Channel
from models.messages import Message
from rules.contact.masking import mask_address

SENDER = Sender(name="Café & Co", email="shop@münchen.example.com", reply_to="help@example.com")
HTML = "<p>Grüße — bis bald</p>\n" + "<p>" + "lang " * 400 + "</p>"
MAIL = Message(
    "n-1", Channel.EMAIL, "anna@example.com", "Grüße — bis bald\n\nFrom us", subject="Ihre Bestellung – später",
    html=HTML, to_name="Jürgen, Dr. „Müller“", category="week", valid_until=datetime(2026, 11, 23, tzinfo=UTC),
)  # fmt: skip
TEXT = Message("n-2", Channel.SMS, "+4915112345678", "Bestellung später\n")
POST = Message("p-1", Channel.X, "", "The kettle ships later.")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def kept(folder: Path, message: Message) -> email.message.EmailMessage:
    return email.message_from_bytes(
        location_of(folder, message).with_suffix(".eml").read_bytes(), policy=email.policy.default
    )


async def test_a_mail_can_be_opened_with_both_bodies_and_every_name(tmp_path):
    receipt = await LocalOutbox(tmp_path, SENDER).send(MAIL)
    mail = kept(tmp_path, MAIL)
    assert receipt.reference == "n-1"
    assert mail["From"].addresses[0].display_name == "Café & Co"
    assert mail["From"].addresses[0].domain == "xn--mnchen-3ya.example.com"
    assert (mail["To"].addresses[0].display_name, mail["To"].addresses[0].addr_spec) == (MAIL.to_name, MAIL.to)
    assert (mail["Subject"], mail["Reply-To"], mail["X-Forewarn-Notice"]) == (MAIL.subject, "help@example.com", "n-1")
    assert mail["Message-ID"] == "<n-1@xn--mnchen-3ya.example.com>"
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("plain",)).get_content() == MAIL.text
    assert mail.get_body(("html",)).get_content() == HTML
    assert not any(part.defects for part in mail.walk())


async def test_a_mail_bears_a_date_only_where_a_clock_was_given(tmp_path):
    await LocalOutbox(tmp_path, SENDER).send(MAIL)
    assert kept(tmp_path, MAIL)["Date"] is None
    await LocalOutbox(tmp_path, SENDER, now=lambda: datetime(2026, 11, 23, 6, 30, tzinfo=UTC)).send(MAIL)
    assert kept(tmp_path, MAIL)["Date"].datetime == datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


async def test_beside_every_message_lies_what_was_handed_over(tmp_path):
    outbox = LocalOutbox(tmp_path, SENDER)
    for message in (MAIL, TEXT, POST):
        await outbox.send(message)
        record = json.loads(location_of(tmp_path, message).with_suffix(".json").read_text())
        assert (record["id"], record["to"], record["text"]) == (message.id, message.to, message.text)
    assert files(tmp_path) == ["n-1.eml", "n-1.json", "n-2.json", "n-2.txt", "p-1.json", "p-1.txt"]
    assert location_of(tmp_path, TEXT).with_suffix(".txt").read_text() == TEXT.text


async def test_a_message_that_comes_again_takes_its_own_place(tmp_path):
    outbox = LocalOutbox(tmp_path, SENDER)
    first = await outbox.send(MAIL)
    before = location_of(tmp_path, MAIL).with_suffix(".eml").read_bytes()
    assert await outbox.send(MAIL) == first
    assert location_of(tmp_path, MAIL).with_suffix(".eml").read_bytes() == before
    assert files(tmp_path) == ["n-1.eml", "n-1.json"]


@pytest.mark.parametrize("breaks", ["\r\n", "\n", "\r", "\x00", "\x0b", "\u2028", "\x85"])
async def test_no_name_and_no_subject_can_add_a_header(tmp_path, breaks):
    odd = replace(MAIL, subject=f"A{breaks}Bcc: x@example.com", to_name=f"A{breaks}Bcc: x@example.com")
    await LocalOutbox(tmp_path, Sender(name=f"Shop{breaks}Bcc: x@example.com", email="shop@example.com")).send(odd)
    mail = kept(tmp_path, odd)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "A Bcc: x@example.com"
    assert mail["To"].addresses[0].display_name == "A Bcc: x@example.com"
    assert mail["From"].addresses[0].display_name == "Shop Bcc: x@example.com"


async def test_an_address_no_mail_server_takes_is_rejected(tmp_path):
    with pytest.raises(PermanentFailure):
        await LocalOutbox(tmp_path, SENDER).send(replace(MAIL, to="jürgen@example.com"))
    assert not files(tmp_path)


@pytest.mark.parametrize("key", ["../../../etc/passwd", "a/b", "", ".", "ü", "A" * 80])
async def test_an_id_never_leads_out_of_the_outbox(tmp_path, key):
    await LocalOutbox(tmp_path / "outbox", SENDER).send(replace(TEXT, id=key))
    assert len(list((tmp_path / "outbox" / "sms").glob("??/*.txt"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["outbox"]


@pytest.mark.parametrize("suffix", [".eml", ".json"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to stand for a full disk")
async def test_on_a_full_disk_the_message_waits_and_nothing_half_written_is_left(tmp_path, suffix):
    place = location_of(tmp_path, MAIL).with_suffix(suffix)
    place.parent.mkdir(parents=True)
    place.with_name(f".{place.name}.part").symlink_to("/dev/full")
    with pytest.raises(TemporaryFailure) as raised:
        await LocalOutbox(tmp_path, SENDER).send(MAIL)
    assert (raised.value.code, raised.value.channel_down) == ("ENOSPC", False)
    assert not list(place.parent.iterdir())


async def test_an_outbox_that_cannot_be_written_stops_the_channel(tmp_path):
    (tmp_path / "outbox").write_text("a file where the folder should be")
    with pytest.raises(TemporaryFailure, match="cannot be written") as raised:
        await LocalOutbox(tmp_path / "outbox", SENDER).send(MAIL)
    assert raised.value.channel_down


async def test_the_page_lists_each_message_with_a_masked_address_and_a_view_of_the_mail(tmp_path):
    outbox = LocalOutbox(tmp_path, SENDER)
    for message in (replace(MAIL, subject="<b>Late</b>"), TEXT, POST):
        await outbox.send(message)
    page = write_outbox_index(tmp_path, mask_address).read_text()
    assert "3 messages." in page
    assert "a…@example.com" in page
    assert "anna@example.com" not in page
    assert "+49…78" in page
    assert "&lt;b&gt;Late&lt;/b&gt;" in page
    assert (tmp_path / "views" / "n-1.html").read_text() == HTML
    for message, suffix in ((MAIL, ".eml"), (TEXT, ".txt"), (POST, ".txt")):
        link = location_of(tmp_path, message).with_suffix(suffix).relative_to(tmp_path).as_posix()
        assert f'href="{link}"' in page


async def test_the_page_shows_the_newest_and_counts_all(tmp_path):
    outbox = LocalOutbox(tmp_path, SENDER)
    for number in range(MAX_ROWS + 2):
        message = replace(TEXT, id=f"n-{number}", text=f"text {number}.")
        await outbox.send(message)
        os.utime(location_of(tmp_path, message).with_suffix(".json"), (number, number))
    page = write_outbox_index(tmp_path, mask_address).read_text()
    assert f"{MAX_ROWS + 2} messages. The newest {MAX_ROWS} are shown." in page
    assert page.index("text 501.") < page.index("text 500.") < page.index("text 2.")
    assert "text 1." not in page


async def test_half_a_record_leaves_the_page_to_the_others(tmp_path):
    outbox = LocalOutbox(tmp_path, SENDER)
    for message in (MAIL, TEXT):
        await outbox.send(message)
    location_of(tmp_path, MAIL).with_suffix(".json").write_bytes(b"")
    page = write_outbox_index(tmp_path, mask_address).read_text()
    assert "+49…78" in page
    assert "a…@example.com" not in page


def test_the_page_of_an_empty_outbox_says_so(tmp_path):
    assert "No message so far." in write_outbox_index(tmp_path / "none", mask_address).read_text()
