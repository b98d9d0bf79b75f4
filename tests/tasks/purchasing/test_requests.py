"""A line that nothing covers is asked for once, whatever happens on the way."""

import asyncio
import email
import email.policy
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from standardwebhooks import Webhook

from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.enums import State
from models.errors import ForewarnError
from models.messages import DeliveryOutcome, Receipt
from tasks.purchasing.dispatch import DispatchWorker, dispatch_requests, recover_abandoned
from tasks.purchasing.outcomes import REJECTED_COPY, RESENT, with_earlier_copy
from tasks.purchasing.review import approve_request, drop_request, find_requests, mark_delivered, reopen_lines
from tasks.tables import CUSTOMERS, ORDERS, VENDORS
from templates.rendering.purchasing import PurchaseRenderer
from tests.support.builders import day
from tests.support.buying import HOME, SECRET, WAREHOUSE, Buying, table
from tests.support.delivery import mark_due
from tests.support.provider import Answer, run_provider
from tests.support.shop_driver import noon

one_database = pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
"""For what does not depend on the database."""


@pytest.fixture
def shop(context, tmp_path):
    return Buying(context, tmp_path).vendor()


@pytest.fixture
def folder(shop, tmp_path):
    """Return where a vendor finds its requests as JSON files."""
    shop.say(vendor={"v1": {"by": "folder", "path": str(tmp_path / "v1"), "format": "json"}})
    return tmp_path / "v1"


def mails(shop):
    files = sorted((shop.folder / "outbox").rglob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def files(folder):
    return [json.loads(file.read_text()) for file in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns)]


def attached(mail):
    (file,) = mail.iter_attachments()
    return file.get_filename(), table(file.get_content().replace("\r\n", "\n"))


@one_database
def test_a_backordered_line_goes_to_its_vendor_by_mail_with_the_lines_attached(shop):
    shop.say(warehouse=WAREHOUSE).order(quantity=7, lacking=5)
    report = shop.run()
    assert (report.requested, report.sent, report.problems) == ({"v1": 1}, {"mail": 1}, [])
    (mail,) = mails(shop)
    assert mail["To"].addresses[0].addr_spec == "orders@vendor.example.com"
    name, (row,) = attached(mail)
    assert name.startswith("purchase-request-")
    wanted = {"order": "1041", "line": "1", "product": "p-v1", "name": "Lamp", "quantity": "5", "drop_shipped": "no"}
    answer = {"answer": "", "reason": "", "promised_on": ""}
    assert row == {"request": shop.requests[0]["id"]} | wanted | WAREHOUSE | answer
    assert "5 pieces in 1 line" in mail.get_body(("plain",)).get_content()
    assert shop.happened(row["request"]) == ["requested"]


@one_database
def test_a_drop_shipped_line_carries_its_parcels_address_and_nothing_else_of_the_customer(shop, folder):
    shop.order("1041", drop_shipped=True).order("1042", lacking=1)
    shop.run()
    (told,) = files(folder)
    assert [one["deliver_to"] for one in told["lines"]] == [HOME, None]
    assert [one["quantity"] for one in told["lines"]] == [2, 1]
    whole = json.dumps(told)
    assert not [word for word in ("anna@example.com", "c1", "40") if f'"{word}"' in whole]
    assert set(told["lines"][0]) == {"order", "line", "product", "name", "quantity", "drop_shipped", "deliver_to"}


@one_database
def test_a_customer_without_an_address_is_named_and_the_other_lines_go_on(shop):
    shop.order("1041", drop_shipped=True, address=None).order("1042")
    report = shop.run()
    assert report.requested == {"v1": 1}
    assert ["1041" in one and "street, postcode and city" in one for one in report.problems] == [True]
    shop.order("1043")
    assert shop.run().requested == {"v1": 1}


@one_database
def test_a_parcel_of_a_customer_without_a_name_needs_a_recipient(shop, context):
    shop.order("1041", drop_shipped=True)
    with context.engine.begin() as connection:
        connection.execute(update(CUSTOMERS).values(name=""))
        connection.execute(update(ORDERS).values(recipient=None))
    report = shop.run()
    assert (report.requested, len(report.problems)) == ({}, 1)
    assert "add recipient, street, postcode and city to orders.sql" in report.problems[0]


@pytest.mark.parametrize("days", [(0, 0), (0, 1)])
def test_a_second_run_requests_nothing_again(shop, folder, days):
    shop.order()
    shop.run(days[0])
    report = shop.run(days[1])
    assert (report.requested, report.sent) == ({}, {})
    assert len(files(folder)) == 1


def test_a_need_that_grows_asks_for_the_difference_and_one_that_shrinks_for_nothing(shop):
    shop.order(quantity=9, lacking=2)
    for lacking in (5, 1, 5, 6):
        shop.run()
        shop.cover("1041", "p-v1", 9, lacking)
    shop.run()
    assert [row[:3] for row in shop.lines] == [("1041", 1, 2), ("1041", 2, 3), ("1041", 3, 1)]


def test_what_is_covered_cancelled_or_has_no_vendor_is_asked_of_nobody(shop):
    shop.order("1041", lacking=0).order("1042", vendor=None).order("1043")
    shop.cancel("1043")
    assert shop.run().requested == {}
    assert shop.requests == []


def test_two_runs_at_once_ask_once(shop, folder):
    for n in range(20):
        shop.order(f"10{n}")

    async def both():
        return await asyncio.gather(shop.ask(), shop.ask())

    reports = asyncio.run(both())
    assert sum(sum(one.requested.values()) for one in reports) == 20
    assert sorted(one["order"] for told in files(folder) for one in told["lines"]) == sorted(
        f"10{n}" for n in range(20)
    )


@one_database
def test_a_vendor_that_cannot_be_asked_is_named_and_stops_no_other(shop):
    shop.vendor("v2", email=None).order("1041", vendor="v2").order("1042").order("1043", vendor="v3")
    report = shop.run()
    assert report.requested == {"v1": 1}
    assert [f"vendor {key} cannot be asked" in said for key, said in zip(("v2", "v3"), report.problems, strict=True)]
    shop.say(vendor={"v2": {"by": "mail", "to": "two@vendor.example.com"}})
    assert shop.run().requested == {"v2": 1}


@one_database
def test_a_transport_without_its_secret_keeps_the_request_until_it_has_one(shop, tmp_path):
    shop.say(vendor={"v1": {"by": "http", "url": "http://127.0.0.1:9/orders"}}).order()
    report = shop.run()
    assert list(report.down) == ["v1"]
    assert "FOREWARN_VENDOR_KEYS" in report.down["v1"]
    assert shop.states() == [("v1", "http", "queued")]
    shop.say(vendor={"v1": {"by": "folder", "path": str(tmp_path / "v1")}})
    shop.run()
    assert shop.states() == [("v1", "folder", "sent")]


@one_database
def test_a_dry_run_reports_what_would_be_requested_and_writes_nothing(shop):
    shop.order(quantity=3)
    report = shop.run(dry_run=True)
    assert report.requested == {"v1": 1}
    assert [(one["vendor"], one["channel"], one["order"], one["pieces"]) for one in report.plans] == [
        ("v1", "mail", "1041", 3)
    ]
    assert shop.requests == shop.lines == mails(shop) == []


def sent_at(asked):
    return datetime.fromtimestamp(int(asked.headers["webhook-timestamp"]), UTC)


@one_database
async def test_a_vendor_reached_by_http_gets_the_same_request_under_the_same_id_until_it_answers(context, tmp_path):
    async with run_provider() as vendor:
        vendor.answer_with(Answer(500), Answer(201, {"reference": "PO-7"}))
        shop = Buying(context, tmp_path, keys=json.dumps({"v1": SECRET})).vendor()
        shop.say(vendor={"v1": {"by": "http", "url": f"{vendor.url}/orders"}}).order()
        first = await shop.ask(0)
        assert (first.in_doubt, list(first.retrying.values())) == (0, [1])
        await shop.ask(1)
        assert [asked.headers["webhook-id"] for asked in vendor.requests] == [shop.requests[0]["id"]] * 2
        assert vendor.requests[0].body == vendor.requests[1].body
        for asked in vendor.requests:
            right = Webhook(SECRET).sign(asked.headers["webhook-id"], sent_at(asked), asked.body.decode())
            assert asked.headers["webhook-signature"] == right
        assert (shop.states(), shop.requests[0]["reference"]) == ([("v1", "http", "sent")], "PO-7")


class Fickle:
    """A vendor's transport that does what a test wants, and keeps what it took."""

    def __init__(self, *faults):
        self.faults, self.taken = list(faults), []

    async def send(self, document):
        await asyncio.sleep(0)
        fault = self.faults.pop(0) if self.faults else None
        if not isinstance(fault, TemporaryFailure):
            self.taken.append(document.id)
        if fault is not None:
            raise fault
        return Receipt("ref")

    async def close(self):
        pass


def send(shop, transport, on=0, hours=0):
    moment = noon(on) + timedelta(hours=hours)
    worker = DispatchWorker(shop.app.lease_holder, {"v1": transport}, 4, lambda: moment)
    recover_abandoned(shop.context, worker)
    return asyncio.run(dispatch_requests(shop.at(on), worker, PurchaseRenderer(shop.context.shop)))


@pytest.fixture
def owed(shop):
    """Return a function that owes a request by a way, without sending it."""

    def owe(**way):
        shop.say(vendor={"v1": way} if way else {}).order()
        asyncio.run(_owe(shop))
        return shop

    return owe


async def _owe(shop):
    from rules.purchasing import plan_requests
    from tasks.purchasing.requests import channels_of_vendors, record_requests
    from tasks.purchasing.requirements import load_requirements
    from tasks.runs.records import start_run

    context = start_run(shop.context, "forward-to-vendors", day(0), noon(0))
    requirements = load_requirements(context)
    requests = plan_requests(requirements.needs, requirements.requested).requests
    record_requests(context, requests, channels_of_vendors(shop.context, requests)[0])


FILE = {"by": "folder", "path": "vendor"}


@one_database
def test_a_request_that_certainly_did_not_arrive_is_sent_again_later(owed):
    shop, transport = owed(), Fickle(TemporaryFailure("away"))
    assert send(shop, transport).retrying == {"away": 1}
    assert send(shop, transport).sent == {}
    assert send(shop, transport, hours=1).sent == {"mail": 1}
    assert len(transport.taken) == 1


@pytest.mark.parametrize("fault", [OutcomeUnknown("silence"), RuntimeError("odd")])
def test_a_mail_in_doubt_is_never_sent_again_by_itself_and_a_file_is_under_the_same_name(owed, fault):
    shop, transport = owed(), Fickle(fault)
    assert send(shop, transport).in_doubt == 1
    assert send(shop, transport, on=1).sent == {}
    assert shop.states() == [("v1", "mail", State.IN_DOUBT)]
    assert "it is unknown whether it arrived" in shop.waiting()[0][2]
    shop.say(vendor={"v1": FILE}).order("1042")
    asyncio.run(_owe(shop))
    transport = Fickle(fault)
    assert send(shop, transport).in_doubt == 0
    assert send(shop, transport, hours=1).sent == {"folder": 1}
    assert len(transport.taken) == 2
    assert len(set(transport.taken)) == 1


@pytest.mark.parametrize(("way", "state", "again"), [({}, State.IN_DOUBT, 0), (FILE, State.SENT, 1)])
def test_a_crash_between_sending_and_settling_leaves_a_mail_in_doubt_and_sends_a_file_again(owed, way, state, again):
    shop, transport = owed(**way), Fickle()
    worker = shop.app.lease_holder
    with shop.context.engine.begin() as connection:
        assert len(mark_due(connection, worker, noon(0), ["mail", "folder"])) == 1
    assert send(shop, transport).sent == {}
    send(shop, transport, hours=1)
    assert len(transport.taken) == again
    assert [row[2] for row in shop.states()] == [state]


@one_database
def test_a_request_without_any_wanted_line_is_not_sent(owed):
    shop, transport = owed(), Fickle()
    shop.cancel()
    assert send(shop, transport).skipped == {"changed": 1}
    assert transport.taken == []


@one_database
def test_a_line_that_was_cancelled_meanwhile_is_left_out(shop, folder):
    shop.policy(max_lines=1)
    shop.order("1041").order("1042").run()
    shop.cancel("1041")
    approve_request(shop.at(), shop.requests[0]["id"], "eva")
    shop.run()
    assert [[one["order"] for one in told["lines"]] for told in files(folder)] == [["1042"]]


@one_database
def test_a_line_left_out_of_its_request_is_asked_for_when_it_is_open_again(shop, folder):
    for order in ("1041", "1042"):
        shop.order(order)
    key = shop.hold()
    shop.cancel("1041")
    approve_request(shop.at(), key, "eva")
    shop.run()
    shop.change("1041", cancelled_at=None)
    assert shop.run(1).requested == {"v1": 1}
    assert [[one["order"] for one in told["lines"]] for told in files(folder)] == [["1042"], ["1041"]]
    assert find_requests(shop.context, 9)[-1]["lines"] == 1


@one_database
def test_a_request_that_was_skipped_frees_its_lines(owed):
    shop, transport = owed(), Fickle()
    shop.cancel()
    send(shop, transport)
    shop.change("1041", cancelled_at=None)
    assert shop.run(1).requested == {"v1": 1}


@one_database
@pytest.mark.parametrize(
    ("drop_shipped", "quantity", "lacking", "asked"),
    [(True, 2, None, [2]), (False, 2, 5, [2]), (False, 5, 3, [3]), (False, 5, 0, []), (False, 5, 5, [5])],
)
def test_a_request_that_had_to_wait_names_what_is_needed_when_it_is_sent(
    shop, folder, drop_shipped, quantity, lacking, asked
):
    folder.mkdir()
    key = shop.order("1041", quantity=5, drop_shipped=drop_shipped).hold()
    shop.change("1041", quantity=quantity)
    if not drop_shipped:
        shop.cover("1041", "p-v1", 5, lacking)
    approve_request(shop.at(), key, "eva")
    shop.run()
    assert [one["quantity"] for told in files(folder) for one in told["lines"]] == asked
    assert shop.run(1).requested == {}


@one_database
def test_a_line_reduced_since_its_allocation_requests_no_more_than_it_has(shop, folder):
    shop.order(quantity=5).change("1041", quantity=2)
    shop.run()
    assert [one["quantity"] for told in files(folder) for one in told["lines"]] == [2]


@one_database
@pytest.mark.parametrize("left", [True, False])
def test_a_line_whose_product_changes_requests_the_new_one(shop, folder, left):
    shop.order("1042", vendor="v1", drop_shipped=True).cancel("1042")
    shop.order("1041", lacking=2)
    key = shop.run() and shop.requests[0]["id"] if left else shop.hold()
    shop.change("1041", product_id="p-v1-drop")
    if not left:
        approve_request(shop.at(), key, "eva")
    shop.run(1)
    shop.run(1)
    asked = [one["product"] for told in files(folder) for one in told["lines"]]
    assert asked == (["p-v1", "p-v1-drop"] if left else ["p-v1-drop"])
    swapped = ("v1", "1041", "requested p-v1, but the line orders p-v1-drop now")
    assert shop.waiting(1) == ([swapped] if left else [])


@one_database
def test_a_request_that_may_have_arrived_and_names_too_many_pieces_now_waits_for_staff(owed):
    shop, transport = owed(**FILE), Fickle(OutcomeUnknown("silence"))
    send(shop, transport)
    shop.cancel()
    assert send(shop, transport, on=1).in_doubt == 1
    assert send(shop, transport, on=2).in_doubt == 0
    assert len(transport.taken) == 1
    assert "it is unknown whether it arrived: it may have arrived before" in shop.waiting(2)[0][2]
    approve_request(shop.at(2), shop.requests[0]["id"], "eva")
    assert send(shop, transport, on=2).skipped == {"changed": 1}


@one_database
def test_a_request_that_may_have_arrived_and_is_then_rejected_is_in_doubt(owed):
    shop, transport = (
        owed(**FILE),
        Fickle(OutcomeUnknown("silence"), TemporaryFailure("away"), PermanentFailure("used before")),
    )
    for on in range(3):
        send(shop, transport, on=on)
    assert shop.states() == [("v1", "folder", "in_doubt")]
    assert "used before" in shop.waiting(2)[0][2]


def test_a_run_that_requests_more_lines_than_the_policy_allows_waits_for_staff(shop, folder):
    shop.policy(max_lines=2)
    for n in range(3):
        shop.order(f"104{n}")
    report = shop.run()
    assert (report.requested, report.sent, report.needs_staff) == ({"v1": 3}, {}, 1)
    key = shop.requests[0]["id"]
    approve_request(shop.at(), key[:8], "eva")
    assert shop.run().sent == {"folder": 1}
    assert shop.happened(key) == ["requested", "approved"]


@one_database
def test_a_request_dropped_by_staff_is_never_sent_nor_requested_again(shop, folder):
    shop.policy(max_lines=1)
    shop.order("1041").order("1042").run()
    drop_request(shop.at(), shop.requests[0]["id"], "eva")
    report = shop.run()
    assert (report.requested, report.sent, report.needs_staff) == ({}, {}, 0)


@one_database
def test_staff_say_whether_a_mail_in_doubt_arrived(owed):
    shop = owed()
    send(shop, Fickle(OutcomeUnknown("silence")))
    mark_delivered(shop.at(), shop.requests[0]["id"], "eva")
    assert shop.states() == [("v1", "mail", "sent")]


def test_a_request_without_a_response_is_reminded_once_then_shown_to_staff(shop, folder):
    shop.order("1041").order("1042")
    shop.run(0)
    assert shop.run(1).reminded == 0
    assert [shop.run(on).reminded for on in (3, 3, 5)] == [1, 0, 0]
    request, reminder = files(folder)
    assert (reminder["kind"], reminder["request"]) == ("reminder", request["request"])
    assert reminder["unanswered"] == [{"order": "1041", "line": "1"}, {"order": "1042", "line": "1"}]
    assert shop.waiting(3) == []
    assert shop.waiting(5) == [("v1", None, "no response, even to a reminder")]
    assert shop.happened(request["request"]) == ["requested", "reminded"]


@one_database
def test_a_request_without_a_reminder_is_not_called_reminded(shop):
    shop.order().run()
    assert shop.waiting(5) == [("v1", None, "no response")]


@one_database
@pytest.mark.parametrize(("way", "fault"), [({}, OutcomeUnknown("silence")), (FILE, OutcomeUnknown("silence"))])
def test_a_response_proves_that_its_request_arrived(owed, way, fault):
    shop, transport = owed(**way), Fickle(fault)
    send(shop, transport)
    key = shop.requests[0]["id"]
    shop.respond({"request": key, "order": "1041", "line": "1", "answer": "accepted"})
    assert ([row[2] for row in shop.states()], shop.waiting()) == (["sent"], [])
    assert send(shop, transport, on=1).sent == {}
    with pytest.raises(ForewarnError):
        approve_request(shop.at(), key, "eva")


@one_database
def test_a_copy_that_staff_send_leaves_out_lines_with_a_response(shop):
    shop.order("1041").order("1042")
    key = shop.hold()
    shop.respond({"request": key, "order": "1041", "line": "1", "answer": "accepted"})
    approve_request(shop.at(), key, "eva")
    shop.run()
    assert [[row["order"] for row in attached(mail)[1]] for mail in mails(shop)] == [["1042"]]


@one_database
def test_a_request_that_is_not_sent_for_long_is_shown_to_staff_with_the_reason(owed):
    shop = owed()
    send(shop, Fickle(TemporaryFailure("away")))
    assert (shop.waiting(1), shop.waiting(5)) == ([], [("v1", None, "not sent so far: away")])
    with shop.context.engine.begin() as connection:
        connection.execute(delete(VENDORS))
    assert "vendor v1 cannot be asked" in shop.run(5).problems[0]
    assert shop.waiting(5) == [("v1", None, "not sent so far: vendors.sql does not name the vendor")]


@one_database
@pytest.mark.parametrize("dropped", [False, True])
def test_lines_of_a_request_that_no_vendor_has_are_asked_of_another_when_staff_say_so(owed, dropped):
    shop, transport = owed(), Fickle(PermanentFailure("account closed"))
    send(shop, transport)
    key = shop.requests[0]["id"]
    if dropped:
        drop_request(shop.at(), key, "eva")
    shop.vendor("v2", email="two@vendor.example.com").supplied_by("v2")
    assert shop.run(1).requested == {}
    assert reopen_lines(shop.at(), key, "eva") == 1
    assert shop.run(1).requested == {"v2": 1}
    assert shop.waiting(1) == []


@one_database
def test_a_reminder_names_only_the_lines_without_a_response_and_orders_nothing(shop):
    shop.order("1041").order("1042", drop_shipped=True).order("1043")
    shop.run(0)
    key = shop.requests[0]["id"]
    shop.respond({"request": key, "order": "1041", "line": "1", "answer": "accepted"})
    shop.cancel("1043")
    shop.run(3)
    request, reminder = mails(shop)
    assert "Reminder" in reminder["Subject"]
    _, rows = attached(reminder)
    blank = {"answer": "", "reason": "", "promised_on": ""}
    assert rows == [{"request": key, "order": "1042", "line": "1"} | blank]
    assert "Ahornweg" in str(attached(request))
    assert "only a reminder, not a new order" in reminder.get_body(("plain",)).get_content()


@one_database
def test_a_request_with_a_response_gets_no_reminder(shop):
    shop.order()
    shop.run(0)
    answer = {"order": "1041", "line": "1", "answer": "refused", "reason": "discontinued"}
    shop.respond({"request": shop.requests[0]["id"]} | answer)
    assert shop.run(3).reminded == 0
    assert shop.waiting(3) == [("v1", "1041", "refused: discontinued")]


def test_refused_pieces_are_asked_for_again_when_staff_say_so_or_the_product_has_another_vendor(shop):
    shop.order(quantity=3)
    shop.run()
    key = shop.requests[0]["id"]
    answer = {"request": key, "order": "1041", "line": "1", "answer": "refused", "reason": "no idea"}
    shop.respond(answer)
    assert shop.run().requested == {}
    assert reopen_lines(shop.at(), key, "eva") == 1
    assert shop.run().requested == {"v1": 1}
    assert [row[:4] for row in shop.lines] == [("1041", 1, 3, "ask_again"), ("1041", 2, 3, None)]
    assert "requested again" in shop.respond(answer).rejected[0].reason


@one_database
def test_a_suppressed_address_gets_no_request(shop):
    from tasks.notices.suppressions import suppress

    with shop.context.engine.begin() as connection:
        suppress(connection, {"orders@vendor.example.com": "asked for it"}, noon(0), "eva")
    shop.order()
    assert shop.run().rejected == {"suppressed": 1}
    assert mails(shop) == []
    assert shop.waiting() == [("v1", None, "rejected: suppressed")]


@one_database
def test_a_template_of_the_shop_that_fails_is_named_and_the_request_waits(shop):
    place = shop.folder / "templates" / "purchase"
    place.mkdir(parents=True)
    (place / "subject.en.txt").write_text("{{ vendr }}")
    shop.order()
    report = shop.run()
    assert "subject.en.txt" in report.problems[0]
    assert shop.states() == [("v1", "mail", "queued")]
    (place / "subject.en.txt").write_text("For {{ vendor }}")
    shop.run()
    assert [mail["Subject"] for mail in mails(shop)] == ["For Vendor & Sons"]


@one_database
def test_a_request_whose_template_fails_holds_up_no_other(context, tmp_path):
    shop = Buying(context, tmp_path, concurrency=1).vendor().vendor("v2", name="Other")
    place = shop.folder / "templates" / "purchase"
    place.mkdir(parents=True)
    (place / "subject.en.txt").write_text("{{ vendr if vendor == 'Vendor & Sons' else vendor }}")
    shop.order("1")
    shop.run()
    shop.order("2", vendor="v2")
    assert shop.run(1).sent == {"mail": 1}
    assert [mail["Subject"] for mail in mails(shop)] == ["Other"]


@pytest.mark.parametrize("may_have_arrived", [False, True])
@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize("state", [State.SENT, State.QUEUED, State.REJECTED, State.IN_DOUBT])
def test_an_outcome_is_read_with_the_copy_that_may_have_arrived_before(state, idempotent, may_have_arrived):
    resent, doubtful = f"away; {RESENT}", f"away; {REJECTED_COPY}"
    becomes = {
        (State.IN_DOUBT, True, False): (State.QUEUED, resent, noon(1), True),
        (State.IN_DOUBT, True, True): (State.QUEUED, resent, noon(1), True),
        (State.QUEUED, False, True): (State.QUEUED, resent, None, True),
        (State.QUEUED, True, True): (State.QUEUED, resent, None, True),
        (State.REJECTED, False, True): (State.IN_DOUBT, doubtful, None, True),
        (State.REJECTED, True, True): (State.IN_DOUBT, doubtful, None, True),
    }.get((state, idempotent, may_have_arrived), (state, "away", None, False))
    outcome = with_earlier_copy(
        DeliveryOutcome("r1", state, "away"),
        idempotent=idempotent,
        may_have_arrived=may_have_arrived,
        retry_at=noon(1),
    )
    new_state, reason, not_before, flag = becomes
    assert outcome == DeliveryOutcome("r1", new_state, reason, not_before=not_before, may_have_arrived=flag)
