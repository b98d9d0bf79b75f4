"""A vendor's response is recorded once, from a file or from a signed message."""

import base64
import csv
import hashlib
import hmac
import json
import re
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from standardwebhooks import WebhookVerificationError
from starlette.applications import Starlette

from channels.signatures import sign
from models.config.shop import ShopConfig
from models.errors import ForewarnError
from models.inventory import MAX_DAYS_AHEAD
from models.purchasing import VendorChannel
from sources.vendor_responses import ResponseRow, read_responses
from tasks.purchasing.documents import ADDRESS_COLUMNS, ITEM_COLUMNS, RESPONSE_COLUMNS
from tasks.purchasing.review import reopen_lines
from tasks.tables import OUTBOX, PURCHASE_LINES, WATCHES
from tests.support.builders import day
from tests.support.buying import Buying, table
from tests.support.paths import ROOT
from tests.support.serving import get, serving
from tests.support.shop_driver import SHOP, noon
from web.vendors import responses as vendors


def secret(text):
    return f"whsec_{base64.b64encode(text.ljust(24).encode()).decode()}"


KEY, ANOTHER_KEY, ZEROS = secret("planted-vendor-key-1"), secret("another key"), secret("\0" * 32)
ODD = ["=HYPERLINK(1)", "@SUM(1)", "-1+1", "'quoted", 'a "b", c;d', "Ünï\u2028cøde", "\t7"]


@pytest.fixture
def shop(context, tmp_path):
    shop = Buying(context, tmp_path).vendor()
    shop.order("1041").order("1042").run()
    return shop


@pytest.fixture
def key(shop):
    return shop.requests[0]["id"]


def accepted(key, order="1041", promised=5, **facts):
    return {
        "request": key,
        "order": order,
        "line": "1",
        "answer": "accepted",
        "promised_on": str(day(promised)),
    } | facts


def refused(key, order="1041", **facts):
    return {"request": key, "order": order, "line": "1", "answer": "refused", "reason": "discontinued"} | facts


def test_a_response_is_stored_with_its_date_and_its_order_is_due(shop, key):
    before = shop.driver.watch("1041")["version"]
    summary = shop.respond(accepted(key), refused(key, "1042"))
    assert (summary.accepted, summary.refused, summary.rejected) == (1, 1, [])
    assert shop.lines == [("1041", 1, 2, "accepted", day(5)), ("1042", 1, 2, "refused", None)]
    assert shop.driver.watch("1041")["version"] == before + 1
    assert shop.happened(key) == ["requested", "responded", "responded"]
    assert shop.requests[0]["responded_at"] == noon(0)


def test_a_request_has_a_response_when_its_last_line_has_one(shop, key):
    shop.respond(accepted(key))
    assert shop.requests[0]["responded_at"] is None
    shop.respond(accepted(key, "1042"), on=1)
    assert shop.requests[0]["responded_at"] == noon(1)


def test_the_same_response_again_changes_nothing_and_a_later_one_replaces_it(shop, key):
    shop.respond(accepted(key))
    before = shop.driver.rows(WATCHES)
    assert shop.respond(accepted(key)).unchanged == 1
    assert shop.driver.rows(WATCHES) == before
    assert shop.respond(accepted(key, promised=8)).accepted == 1
    assert shop.lines[0] == ("1041", 1, 2, "accepted", day(8))


@pytest.mark.parametrize(
    ("answer", "field", "right"),
    [
        ({"request": "none"}, "request", "no such request"),
        ({"order": "9999"}, "line", "no such line of order 9999"),
        ({"line": "2"}, "line", "no such line"),
        ({"answer": "maybe"}, "answer", "'accepted' or 'refused' is right"),
        ({"answer": "refused"}, "reason", "why it is refused"),
        ({"answer": "refused", "reason": "  "}, "reason", "why it is refused"),
        ({"promised_on": "soon"}, "promised_on", "2026-11-30"),
        ({"promised_on": str(day(-1))}, "promised_on", "has passed"),
        ({"order": None}, "order", "missing"),
        ({"request": ["7"]}, "request", "text is right"),
        ({"reason": "x" * 501}, "reason", "at most 500 characters"),
        ({"answer": False, "promised_on": None}, "answer", "'accepted' or 'refused' is right"),
        (
            {"promised_on": str(day(MAX_DAYS_AHEAD) + timedelta(days=1))},
            "promised_on",
            f"{day(MAX_DAYS_AHEAD)} or an earlier day",
        ),
        ({"promised_on": "2199-11-30"}, "promised_on", f"{day(MAX_DAYS_AHEAD)} or an earlier day"),
    ],
)
@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_an_invalid_response_is_rejected_with_what_is_expected_and_the_others_are_recorded(
    shop, key, answer, field, right
):
    summary = shop.respond(accepted(key) | answer, accepted(key, "1042"))
    assert [(one.column, right in one.reason) for one in summary.rejected] == [(field, True)]
    assert summary.accepted == 1
    assert shop.lines[0][3] is None


def test_a_vendor_that_refused_cannot_accept_what_was_then_requested_from_another(shop, key):
    shop.respond(refused(key))
    shop.vendor("v2", email="two@vendor.example.com").supplied_by("v2")
    shop.run(1)
    (bad,) = shop.respond(accepted(key), on=1).rejected
    assert "requested from another vendor" in bad.reason
    shop.respond(refused(shop.requests[1]["id"]), on=1)
    assert shop.respond(accepted(key), on=1).accepted == 1


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_an_accepted_line_that_was_cancelled_does_not_count_and_staff_tell_the_vendor(shop, key):
    shop.cancel("1041")
    for _ in range(2):
        summary = shop.respond(accepted(key))
        assert (summary.accepted, [one.reason for one in summary.rejected]) == (
            0,
            ["the line was cancelled: do not send it"],
        )
        assert shop.waiting() == [("v1", "1041", "accepted after it was cancelled: tell the vendor not to send it")]
    assert reopen_lines(shop.at(), key, "eva") == 1
    assert shop.waiting() == []
    assert shop.run(1).requested == {}


def test_a_response_waits_for_staff_who_decide_on_its_request(shop, key):
    shop.respond(refused(key))
    with ThreadPoolExecutor() as pool:
        with shop.context.engine.begin() as connection:
            connection.execute(select(OUTBOX).where(OUTBOX.c.id == key).with_for_update())
            if shop.context.engine.dialect.name == "postgresql":
                answering = pool.submit(shop.respond, accepted(key))
                time.sleep(0.3)
            lines = update(PURCHASE_LINES).where(PURCHASE_LINES.c.order_id == "1041")
            connection.execute(lines.values(response="ask_again"))
        summary = (
            answering.result() if shop.context.engine.dialect.name == "postgresql" else shop.respond(accepted(key))
        )
    assert "requested again" in summary.rejected[0].reason
    assert shop.lines[0][3] == "ask_again"


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_an_answer_to_the_reminder_answers_the_request(shop, key):
    shop.run(3)
    shop.respond(accepted(shop.requests[1]["id"]), on=3)
    assert shop.lines[0][3] == "accepted"


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_file_filled_in_and_sent_back_is_taken_in_however_odd_its_names_are(shop, tmp_path):
    shop.say(vendor={"v2": {"by": "folder", "path": str(tmp_path / "v2")}}).vendor("v2")
    for name in ODD:
        shop.order(name, vendor="v2", name=name)
    shop.run()
    (file,) = (tmp_path / "v2").iterdir()
    rows = table(file.read_bytes())
    assert not [cell for row in rows for cell in row.values() if re.match(r"\s*[=+@]|\s*-[^0-9]|-1\+", cell)]
    rows[0]["answer"] = ""
    for row in rows[1:]:
        row |= {"answer": "Accepted", "promised_on": str(day(4))}
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    summary = shop.import_responses(file)
    assert (summary.accepted, summary.rejected) == (len(ODD) - 1, [])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "request,order\n", "has no column 'line'"),
        ("a.csv", "", "has no header"),
        ("a.json", "{", "not JSON"),
        ("a.json", '"x"', "expected a JSON list"),
        ("a.json", "[" * 200_000, "not JSON"),
        ("none.csv", None, "no such file"),
    ],
)
def test_a_file_without_responses_is_refused_in_one_sentence(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ForewarnError, match=said) as raised:
        list(read_responses(tmp_path / name))
    assert "\n" not in str(raised.value)
    assert name in str(raised.value)


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_rejected_rows_are_written_to_a_file_with_their_place(shop, key, tmp_path):
    file = tmp_path / "back.csv"
    file.write_text(f'request,order,line,answer\n{key},1041,1,accepted\n{key},1041,9,accepted\n{key},"10\n')
    summary = shop.import_responses(file)
    assert (summary.accepted, len(summary.rejected)) == (1, 2)
    rejects = table(shop.app.rejected_responses.read_text())
    assert [(row["line"], row["column"], row["value"]) for row in rejects][1] == ("3", "line", "9")


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_long_row_that_cannot_be_read_is_written_shortened(shop, key, tmp_path):
    file = tmp_path / "back.csv"
    file.write_text(f"request,order,line,answer\n{key},1041,1,accepted,{'x' * 1_000}\n{key},1041,1,accepted\n")
    summary = shop.import_responses(file)
    assert (summary.accepted, [row.line for row in summary.rejected]) == (1, [2])
    (row,) = table(shop.app.rejected_responses.read_text())
    assert (row["line"], row["value"]) == ("2", f"{key},1041,1,accepted,{'x' * 1_000}"[:200])


@pytest.fixture
def post(shop):
    """Return a function that posts answers as a vendor does, and returns status and answer."""
    shop.vendor("v2")
    clock = [noon(0)]
    app = Starlette(
        routes=vendors.routes(
            shop.context, {"v2": secret("x")} | dict.fromkeys(["v1", "東京", "Müller"], KEY), lambda: clock[0]
        )
    )

    def ask(*answers, vendor="v1", key=KEY, id="m-1", moment=None, body=None, now=None, **changed):
        clock[0] = now or noon(0)
        body = json.dumps({"answers": answers}).encode() if body is None else body
        seconds = int((moment or clock[0]).timestamp())
        # Signed without the library, so that a body which is no text can be signed too.
        key = base64.b64decode(key.removeprefix("whsec_"))
        digest = hmac.new(key, f"{id}.{seconds}.".encode() + body, hashlib.sha256).digest()
        signed = {
            "webhook_id": id,
            "webhook_timestamp": str(seconds),
            "webhook_signature": f"v1,{base64.b64encode(digest).decode()}",
        }
        headers = {"X_Forewarn_Vendor": vendor} | signed | changed
        got = get(f"{url}/vendors/answers", body, **headers)
        return got.status, json.loads(got.body)

    with serving(app) as url:
        yield ask


def test_a_signed_message_is_recorded_once(shop, key, post):
    answers = (accepted(key), accepted(key, "none"))
    status, told = post(*answers)
    assert (status, told["accepted"], [one["field"] for one in told["not_taken"]]) == (200, 1, ["line"])
    assert shop.lines[0][3:] == ("accepted", day(5))
    shop.respond(refused(key))
    for later in (0, 1, 240):
        status, told = post(*answers, now=noon(0) + timedelta(seconds=later))
        assert (status, told["accepted"], told["not_taken"], told["duplicate"]) == (200, 0, [], True)
        assert shop.lines[0][3] == "refused"
    status, told = post(*answers, id="m-2")
    assert (status, told["accepted"], told["duplicate"]) == (200, 1, False)
    assert shop.lines[0][3] == "accepted"


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_another_message_under_the_same_id_is_refused_and_changes_nothing(shop, key, post):
    assert post(accepted(key))[0] == 200
    status, told = post(refused(key))
    assert (status, set(told)) == (409, {"error"})
    assert "webhook-id" in told["error"]
    assert shop.lines[0][3] == "accepted"


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_two_vendors_may_use_the_same_message_id(shop, key, post):
    assert post(accepted(key), vendor="v2", key=secret("x"))[1]["duplicate"] is False
    assert post(accepted(key))[1]["accepted"] == 1


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"key": ANOTHER_KEY}, 401),
        ({"vendor": "nobody"}, 401),
        ({"vendor": "nobody", "key": ZEROS}, 401),
        ({"vendor": ""}, 401),
        ({"webhook_signature": "t=1,v1=0"}, 401),
        ({"webhook_signature": "v1,AAAA"}, 401),
        ({"webhook_signature": ""}, 401),
        ({"webhook_id": "m-2"}, 401),
        ({"webhook_timestamp": "0"}, 401),
        ({"moment": noon(0) - timedelta(minutes=6)}, 401),
        ({"moment": noon(0) + timedelta(minutes=6)}, 401),
        ({"body": b"{"}, 400),
        ({"body": b"\xff"}, 400),
        ({"body": b"[" * 200_000}, 400),
        ({"body": b'{"answers": 5}'}, 400),
        ({"body": b" " * 1_000_001}, 413),
    ],
)
@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_message_that_is_forged_old_or_unreadable_changes_nothing(shop, key, post, how, status):
    got, told = post(accepted(key), **how)
    assert (got, set(told)) == (status, {"error"})
    assert shop.lines[0][3] is None


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_what_no_text_can_hold_is_named_in_the_reply_and_the_rest_is_taken(shop, key, post):
    status, told = post(accepted(key), accepted(key, "\ud800"), "\ud800")
    assert (status, told["accepted"], {one["answer"] for one in told["not_taken"]}) == (200, 1, {2, 3})
    assert shop.lines[0][3] == "accepted"


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_nobody_learns_who_is_a_vendor(shop, post):
    for key in (KEY, ZEROS, ANOTHER_KEY):
        assert post(vendor="nobody", key=key) == post(vendor="v1", key=secret("wrong"))


@pytest.mark.parametrize("vendor", ["東京", "Müller"])
@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_vendors_id_may_be_of_any_script(shop, post, vendor):
    for written in {vendor.encode().decode("latin-1"), *([vendor] if vendor == "Müller" else [])}:
        assert post(vendor=written, body=b"[]", id=f"m-{len(written)}")[0] == 200


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_vendor_cannot_answer_for_another_nor_learn_of_its_requests(shop, key, post):
    theirs = post(accepted(key), vendor="v2", key=secret("x"))[1]["not_taken"]
    nobodys = post(accepted("none"), vendor="v2", key=secret("x"), id="m-2")[1]["not_taken"]
    assert theirs[0] | {"value": ""} == nobodys[0] | {"value": ""}
    assert shop.lines[0][3] is None


PAGE = (ROOT / "docs" / "vendors.md").read_text()


def shown(kind):
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


def test_what_the_page_shows_a_vendor_verifies_our_signature_and_makes_one_that_we_take(shop, post):
    theirs: dict = {}
    exec(shown("python"), theirs)  # noqa: S102 - what our own page says
    now = datetime.now(UTC)
    ours = sign(KEY, "r-1", '{"kind": "request"}', now)
    assert theirs["read_request"](KEY, ours, b'{"kind": "request"}') == {"kind": "request"}
    old = sign(KEY, "r-1", "{}", now - timedelta(minutes=6))
    for headers, body in ((ours, b'{"kind": "request"} '), (sign(ANOTHER_KEY, "r-1", "{}", now), b"{}"), (old, b"{}")):
        with pytest.raises(WebhookVerificationError):
            theirs["read_request"](KEY, headers, body)
    body = json.dumps([accepted(shop.requests[0]["id"])])
    headers = theirs["headers_of"](KEY, "m-7", body)
    signed = {name.replace("-", "_"): value for name, value in headers.items()}
    status, told = post(body=body.encode(), now=now, **signed)
    assert (status, told["not_taken"][0]["field"]) == (200, "promised_on")


def test_the_page_shows_a_shop_toml_that_is_right_and_names_every_field():
    told = SHOP.model_dump(exclude_unset=True) | tomllib.loads(shown("toml"))
    assert {door.by for door in ShopConfig.model_validate(told).vendor.values()} == set(VendorChannel)
    names = [*ADDRESS_COLUMNS, *ITEM_COLUMNS, *RESPONSE_COLUMNS, *ResponseRow.model_fields]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
