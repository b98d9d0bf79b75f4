"""A shop with a mail relay of its own goes live: each customer is written to once, also when the relay breaks off."""

from models.enums import Channel
from tasks.tables import NOTICES
from tests.channels.test_smtp_transport import Mailroom, mime, relaying
from tests.tasks.going_live.test_going_live import DAY, ShopFolder

TRIED = {"email": "smtp", "smtp_host": "127.0.0.1", "smtp_tls": "none", "timeout": "5"}


async def test_customers_are_written_to_once_and_a_broken_transfer_is_left_to_a_person(tmp_path):
    place = ShopFolder(tmp_path)
    room = Mailroom(data=["drop"], rcpt=["250 OK", "550 5.1.1 no such user"])
    async with relaying(room) as port:
        place.settings = TRIED | {"smtp_port": str(port), "concurrency": "1"}
        await place.call("import", "--as-of", DAY)
        await place.call("go-live", "--yes", "--as-of", DAY)
        await place.call("run", "--as-of", DAY)
        found = [row for row in place.rows(NOTICES) if row["channel"] == Channel.EMAIL]
        by_state = {state: [row for row in found if row["state"] == state] for state in {row["state"] for row in found}}
        assert len(by_state["in_doubt"]) == 1
        assert len(by_state["rejected"]) == 1
        assert len(by_state["sent"]) == len(room.mails) >= 2
    received = [mime(envelope) for envelope in room.mails]
    assert len({mail["Message-ID"] for mail in received}) == len(received)
    assert all(mail["List-Unsubscribe"] is None for mail in received)
    assert {row["reference"] for row in by_state["sent"]} == {"4XyZ12"}


async def test_doctor_says_what_is_wrong_with_a_relay(tmp_path):
    place = ShopFolder(tmp_path, orders=5)
    await place.call("import", "--as-of", DAY)
    async with relaying(Mailroom()) as port:
        place.settings = TRIED | {"smtp_port": str(port), "smtp_tls": "starttls"}
        wrong = await place.json("doctor", code=1)
        place.settings["smtp_tls"] = "none"
        right = await place.json("doctor")
    assert "STARTTLS" in _found(wrong, "provider email")
    assert _found(right, "provider email") == "smtp: 127.0.0.1 takes mail"


def _found(report, name):
    checks = report if isinstance(report, list) else report["checks"]
    return next(one["found"] for one in checks if one["what"] == name)
