"""What monitors read: metrics in Prometheus's format, and whether messages leave."""

import json
import re
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette

from app.api_keys import metrics_key
from models.config.settings import GivenSettings
from models.enums import Channel
from models.errors import ForewarnError
from tasks.reporting.day_numbers import count_days
from tasks.tables import CHANNEL_STATES, RUNS
from tests.support.builders import day, line
from tests.support.paths import ROOT
from tests.support.shop_driver import noon
from tests.support.web_client import WebClient
from web.monitoring.routes import monitoring_routes

KEY = "k" * 32


def client(context, key="", *, address="127.0.0.1", at=None):
    routes = monitoring_routes(context, key, lambda: at or noon(0))
    return WebClient(Starlette(routes=routes), client=address)


def read(context):
    """Return the samples by name, each as its labels and its value."""
    answer = client(context).get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {}
    for family in text_string_to_metric_families(answer.html):
        assert family.documentation, f"{family.name} says what it is"
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


@pytest.fixture
def told(driver):
    """Return a context in which one of two late orders was told."""
    driver.order("1041", line(promised=2, expected=8))
    driver.order("1042", line(promised=-9))
    driver.run_day()
    with driver.context.engine.begin() as connection:
        connection.execute(update(RUNS).values(ended_at=noon(0)))
    count_days(driver.context, [day(0)], noon(0))
    return driver.context


def test_the_numbers_of_a_small_history_are_in_the_metrics(told):
    found = read(told)
    told_by_bucket = {labels["bucket"]: n for labels, n in found["forewarn_orders_told_total"]}
    in_time = {labels["bucket"]: n for labels, n in found["forewarn_orders_told_in_time_total"]}
    assert sum(told_by_bucket.values()) == 2
    assert sum(in_time.values()) == 1
    assert found["forewarn_messages_told_twice_total"] == [({}, 0)]
    assert sum(n for _, n in found["forewarn_open_orders"]) == 2
    sent = [n for labels, n in found["forewarn_messages"] if labels["state"] == "sent"]
    assert sum(sent) >= 2
    assert ({"flow": "late-orders"}, noon(0).timestamp()) in found["forewarn_last_success_timestamp_seconds"]


def test_an_empty_ledger_has_metrics_too(context):
    found = read(context)
    assert found["forewarn_held_messages"] == [({}, 0)]
    assert found["forewarn_read_timestamp_seconds"] == [({}, noon(0).timestamp())]


def test_held_runs_and_stopped_channels_are_counted(held_run):
    stop(held_run.context)
    found = read(held_run.context)
    assert found["forewarn_held_runs"] == [({}, 1)]
    assert found["forewarn_held_messages"][0][1] >= 4
    assert found["forewarn_channel_stopped"] == [({"channel": "sms"}, 1)]


def stop(context):
    row = {"channel": Channel.SMS, "tripped_at": noon(0), "reason": "Nora said no: secret"}
    with context.engine.begin() as connection:
        connection.execute(insert(CHANNEL_STATES).values(**row, window_second=0, sent_in_window=0, failed_probes=0))


def test_no_customer_is_in_the_metrics(told):
    text_of = client(told).get("/metrics").html
    assert not re.search(r"1041|1042|Anna|anna@", text_of)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 401),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 401),
        ("192.0.2.7", {"Authorization": f"Bearer {KEY}"}, 200),
        ("192.0.2.7", {"Authorization": "Bearer wrong"}, 401),
        ("192.0.2.7", {"Authorization": f"Basic {KEY}"}, 401),
    ],
)
def test_metrics_are_for_this_machine_or_for_a_key(context, address, headers, status):
    assert client(context, KEY, address=address).ask("GET", "/metrics", None, headers).status == status


def test_an_empty_key_opens_nothing(context):
    assert client(context, "", address="192.0.2.7").get("/metrics", Authorization="Bearer ").status == 401


def test_alive_needs_no_database(context):
    context.engine.dispose()
    assert client(context, address="192.0.2.7").get("/healthz").status == 200


def ready(context, **options):
    answer = client(context, **options).get("/readyz")
    found = json.loads(answer.html)
    assert answer.status == (200 if found["ready"] else 503)
    return {one["name"]: one for one in found["checks"]}, found["ready"]


def test_a_shop_whose_orders_were_checked_is_ready(told):
    checks, is_ready = ready(told)
    assert is_ready
    assert {name for name, one in checks.items() if one["ok"]} == {"records", "last_run", "channels", "held_runs"}


def test_without_a_run_within_three_hours_it_is_not_ready(told):
    checks, is_ready = ready(told, at=noon(0) + timedelta(minutes=181))
    assert not is_ready
    assert [name for name, one in checks.items() if not one["ok"]] == ["last_run"]


def test_a_new_shop_is_not_ready_and_says_why(context):
    checks, is_ready = ready(context)
    assert not is_ready
    assert checks["last_run"]["found"] == "no run of late-orders has ended without a fault yet"


def test_a_stopped_channel_and_a_held_run_are_reasons(held_run):
    stop(held_run.context)
    checks, is_ready = ready(held_run.context)
    assert not is_ready
    assert "sms is stopped since" in checks["channels"]["found"]
    assert re.match(r"run [0-9a-f]{8} with \d+ messages", checks["held_runs"]["found"])


def test_reasons_are_for_this_machine_or_for_a_key(held_run):
    checks, is_ready = ready(held_run.context, address="192.0.2.7")
    assert not is_ready
    assert all("found" not in one for one in checks.values())


def test_a_ledger_of_another_version_is_not_ready(context, monkeypatch):
    monkeypatch.setattr("tasks.desk.health.version", lambda _: "0001")
    checks, is_ready = ready(context)
    assert not is_ready
    assert checks["records"]["found"].startswith("version 0001")


def test_a_database_that_does_not_answer_is_a_reason_without_its_address(context, monkeypatch):
    def fail(_):
        raise OperationalError("SELECT 1", {}, Exception("password of db.example.com"))

    monkeypatch.setattr("tasks.desk.health.version", fail)
    checks, is_ready = ready(context)
    assert not is_ready
    assert checks["records"]["found"] == "the database does not answer (OperationalError)"


def test_every_expression_of_the_dashboard_asks_for_a_metric_that_exists(told):
    known = {family.name for family in text_string_to_metric_families(client(told).get("/metrics").html)}
    known |= {f"{name}_total" for name in known}
    dashboard = json.loads((ROOT / "docs/grafana/forewarn.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) >= 14
    for expression in expressions:
        asked = set(re.findall(r"forewarn_\w+", expression))
        assert asked, expression
        assert asked <= known, f"{expression} asks for {asked - known}"


def test_each_panel_of_the_dashboard_has_a_place_of_its_own():
    panels = json.loads((ROOT / "docs/grafana/forewarn.json").read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_a_short_key_stops_the_service(tmp_path):
    with pytest.raises(ForewarnError, match="FOREWARN_METRICS_KEY"):
        metrics_key(GivenSettings(shop=tmp_path, metrics_key=SecretStr("short")))
    assert metrics_key(GivenSettings(shop=tmp_path)) == ""
