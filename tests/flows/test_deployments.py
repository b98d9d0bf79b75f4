"""`prefect.yaml`, units, containers and the automation agree with the code, the operator's page and each other."""

import re
import shlex
import subprocess
from importlib import import_module
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.client.schemas.objects import StateType
from prefect.settings.models.flows import FlowsSettings
from pydantic import SecretStr

from app.reports.story import FINAL_STATES
from models.config.settings import Settings
from tests.support.paths import ROOT

PREFECT_YAML: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS = {deployment["name"]: deployment for deployment in PREFECT_YAML["deployments"]}
SCHEDULED = {name for name, deployment in DEPLOYMENTS.items() if deployment["schedules"]}
UNITS = {unit.stem: unit.read_text() for unit in (ROOT / "docs" / "systemd").glob("*.service")}
OPERATE = (ROOT / "docs" / "operate.md").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
KUBERNETES = ROOT / "examples" / "kubernetes" / "worker.yaml"
NUMBERS = {2: "two", 4: "four", 6: "six"}
HEARTBEAT = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"


def flow_of(name: str) -> Flow[..., Any]:
    file, function = DEPLOYMENTS[name]["entrypoint"].split(":")
    flow = getattr(import_module(file.removesuffix(".py").replace("/", ".")), function)
    assert isinstance(flow, Flow)
    return flow


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNITS[unit], re.MULTILINE)


def minutes(cron: str) -> set[int]:
    """Return the minutes of an hour at which a schedule is due: `5`, `*` or `0-30/15`."""
    span, _, step = cron.split()[0].partition("/")
    first, _, last = span.replace("*", "0-59").partition("-")
    return set(range(int(first), int(last or first) + 1, int(step or 1)))


def hours(cron: str) -> list[int]:
    """Return the hours of a day at which a schedule is due: `5`, `*/4` or `2-22/4`."""
    span, _, step = cron.split()[1].partition("/")
    first, _, last = span.replace("*", "0-23").partition("-")
    return [*range(int(first), int(last or first) + 1, int(step or 1))]


def cron_of(name: str) -> str:
    (schedule,) = DEPLOYMENTS[name]["schedules"]
    return schedule["cron"]


def test_every_flow_file_is_deployed_and_leads_to_the_flow_of_its_name():
    # Prefect deploys an entrypoint that cannot be imported without an error.
    files = {deployment["entrypoint"].split(":")[0] for deployment in DEPLOYMENTS.values()}
    assert files == {f"flows/{file.name}" for file in (ROOT / "flows").glob("*.py") if file.name != "__init__.py"}
    assert {name: flow_of(name).name for name in DEPLOYMENTS} == {name: name for name in DEPLOYMENTS}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_parameter_is_explained_and_a_scheduled_flow_needs_none(name):
    form = flow_of(name).parameters
    assert [field for field, shown in form.properties.items() if not shown.get("description")] == []
    assert not (form.required and name in SCHEDULED)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_no_credential_can_be_a_parameter(name):
    assert not re.search(r"key|token|secret|password|url", " ".join(flow_of(name).parameters.properties))


def test_the_policy_is_a_form_whose_numbers_are_bounded():
    form = flow_of("late-orders").parameters
    assert {"$ref": "#/definitions/Policy"} in form.properties["policy"]["anyOf"]
    assert form.definitions is not None
    assert form.definitions["Bucket"]["properties"]["from_days"]["minimum"] == 1
    assert "default" in form.definitions["Policy"]["properties"]["budget"]


def test_every_schedule_keeps_the_shops_zone():
    zones = {DEPLOYMENTS[name]["schedules"][0]["timezone"] for name in SCHEDULED}
    assert zones == {PREFECT_YAML["definitions"]["zone"]}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_operators_page_says_when_a_deployment_runs(name):
    row = re.search(rf"^\| `{name}` \| ([^|]+) \|", OPERATE, re.MULTILINE)
    assert row
    if name not in SCHEDULED:
        assert re.search(r"by hand|`late-orders`", row[1])
        return
    minute, hour, *days = cron_of(name).split()
    assert days == ["*", "*", "*"]
    if name == "deliver":
        first, second = sorted(minutes(cron_of(name)))
        assert (hour, row[1]) == ("*", f"every half hour, at {first} and {second} past")
    elif hour.isdigit():
        assert row[1] == f"{hour}:{int(minute):02}"
    else:
        first, second, *_ = hours(cron_of(name))
        every = NUMBERS[2 if name == "late-orders" else second - first]
        assert f"every {every} hours: {first}:{minute}, {second}:{minute} and so on" in row[1]


def test_orders_are_evaluated_every_two_hours_by_late_orders_and_restock():
    """And by what changes: `tests/app/test_check_starts.py`. The first check of the day follows `learn`."""
    late_orders, restock = hours(cron_of("late-orders")), hours(cron_of("restock"))
    assert sorted(late_orders + restock) == [*range(0, 24, 2)]
    assert max(minutes(cron_of("learn"))) < min(minutes(cron_of("late-orders")))
    assert hours(cron_of("learn")) == late_orders[:1] == [0]


def test_the_worker_starts_runs_by_our_command_with_the_checkouts_python():
    """Prefect gives its own command the run by the environment alone."""
    command = DEPLOYMENTS["late-orders"]["work_pool"]["job_variables"]["command"]
    shell, option, script = shlex.split(command)
    assert (shell, option) == ("sh", "-c")
    assert script.endswith(" && exec python -m app.flow_run")
    shown = script.replace("app.flow_run", "site")
    home = {"FOREWARN_HOME": str(ROOT)}
    found = subprocess.run([shell, option, shown], env=home, capture_output=True, text=True, check=True)  # noqa: S603
    assert str(ROOT / ".venv") in found.stdout


def test_runs_missed_in_an_outage_are_cancelled_and_shards_never_are():
    limits = {name: deployment.get("concurrency_limit") for name, deployment in DEPLOYMENTS.items()}
    assert limits.pop("late-orders-shard") is None
    assert {limit["collision_strategy"] for limit in limits.values()} == {"CANCEL_NEW"}
    shared = {name for name, limit in limits.items() if limit["limit"] > 1}
    assert shared == {"deliver"}, "the others do all the work in one run"


def test_runs_of_deliver_leave_a_slot_of_the_worker_for_late_orders():
    (start,) = values("forewarn-worker", "ExecStart")
    slots = re.search(r"--limit (\d+)", start)
    assert slots
    assert DEPLOYMENTS["deliver"]["concurrency_limit"]["limit"] < int(slots[1])


def commands(unit: str) -> list[str]:
    return [start.partition("/bin/")[2] for start in values(unit, "ExecStart")]


def test_the_containers_start_what_the_units_start():
    (worker,) = yaml.safe_load(KUBERNETES.read_text())["spec"]["template"]["spec"]["containers"]
    assert worker["command"] == COMPOSE["worker"]["command"].split()
    assert commands("forewarn-worker") == [" ".join(worker["command"]).replace(" --type process", "")]
    assert [start for start in commands("forewarn-deployments") if start not in COMPOSE["deployments"]["command"]] == []
    assert [start for start in commands("forewarn-server") if start not in COMPOSE["server"]["command"]] == []


def test_the_containers_name_only_settings_that_exist():
    files = (ROOT / "Dockerfile", ROOT / "compose.yaml", KUBERNETES)
    named = {name.lower() for file in files for name in re.findall(r"FOREWARN_([A-Z_]+)", file.read_text())}
    assert "database_url" in named <= Settings.model_fields.keys()


def test_the_units_run_as_the_user_in_the_folder_with_the_settings_that_the_operators_page_makes():
    made = re.search(r"useradd .* (\w+)$", OPERATE, re.MULTILINE)
    cloned = re.search(r"git clone ADDRESS (\S+)", OPERATE)
    settings = re.search(r"install -D -m 600 /dev/null (\S+)", OPERATE)
    assert made
    assert cloned
    assert settings
    for unit in UNITS:
        assert values(unit, "User") == [made[1]]
        assert values(unit, "WorkingDirectory") == [cloned[1]]
        assert values(unit, "EnvironmentFile") == [settings[1]]
        assert all(f"{cloned[1]}/.venv/bin/" in start for start in values(unit, "ExecStart"))


def test_the_units_have_the_same_few_rights_and_are_started_again_after_a_failure():
    rights = {unit: text[text.index("StateDirectory=") : text.index("[Install]")] for unit, text in UNITS.items()}
    assert len(set(rights.values())) == 1
    assert "ProtectSystem=strict\n" in rights["forewarn-server"]
    assert {value for unit in UNITS for value in values(unit, "Restart")} == {"always", "on-failure"}


def test_the_containers_server_has_the_settings_of_the_units():
    kept = dict(one.strip("'").split("=", 1) for one in values("forewarn-server", "Environment"))
    server = COMPOSE["server"]["environment"]
    assert kept == {name: str(value) for name, value in server.items() if name in kept}
    assert {"PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED", "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"} <= kept.keys()


def test_a_run_of_deliver_stays_until_the_next_two_are_due():
    (schedule,) = DEPLOYMENTS["deliver"]["schedules"]
    first, second = sorted(minutes(schedule["cron"]))
    assert second - first == 30, "it is due each half hour"
    assert schedule["parameters"]["watch_minutes"] > 2 * 30
    assert "watch_minutes" not in DEPLOYMENTS["deliver"].get("parameters", {}), "a run by hand ends when all is sent"


@pytest.mark.parametrize(
    "command", [*values("forewarn-worker", "ExecStartPost"), COMPOSE["deployments"]["command"]], ids=["unit", "compose"]
)
def test_a_run_of_deliver_as_the_schedule_starts_them_begins_with_the_worker(command):
    """The one before ended with the worker before; the next one may be half an hour away."""
    (schedule,) = DEPLOYMENTS["deliver"]["schedules"]
    stays = f"--param watch_minutes={schedule['parameters']['watch_minutes']}"
    assert f"prefect --no-prompt deployment run deliver/deliver {stays}" in command


def test_the_server_is_given_no_credential():
    fields = Settings.model_fields.items()
    secret = {name for name, field in fields if SecretStr in getattr(field.annotation, "__args__", ())}
    unset = " ".join(values("forewarn-server", "UnsetEnvironment")).split()
    assert {f"FOREWARN_{name.upper()}" for name in secret | {"database_url"}} == set(unset)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_run_counts_as_dead_after_three_missed_heartbeats(name, monkeypatch):
    monkeypatch.setenv(HEARTBEAT, DEPLOYMENTS[name]["work_pool"]["job_variables"]["env"][HEARTBEAT])
    seconds = FlowsSettings().heartbeat_frequency
    (automation,) = yaml.safe_load((ROOT / "docs/dead-runs.yaml").read_text())["automations"]
    assert seconds is not None
    assert automation["trigger"]["within"] >= 3 * seconds
    assert automation["actions"][0]["state"] == StateType.CRASHED


def test_a_run_that_ended_in_any_state_of_ours_is_not_taken_for_dead():
    (automation,) = yaml.safe_load((ROOT / "docs/dead-runs.yaml").read_text())["automations"]
    ended = {event.removeprefix("prefect.flow-run.") for event in automation["trigger"]["expect"]}
    assert {*FINAL_STATES} <= ended
