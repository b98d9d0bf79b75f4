"""What `prefect.yaml`, the units and the automation say, held to what the code and the operator's page say."""

import re
from importlib import import_module
from typing import Any

import pytest
import yaml
from prefect import Flow
from pydantic import SecretStr

from models.config.settings import Settings
from tests.support.paths import ROOT

PREFECT_YAML: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS = {one["name"]: one for one in PREFECT_YAML["deployments"]}
UNITS, EXAMPLES = ROOT / "docs" / "systemd", ROOT / "examples"
BY_HAND = ("release",)
BY_A_RUN = ("late-orders-shard",)
WHEN = {
    "late-orders": ("every-15-minutes", "*/15 * * * *"),
    "allocate": ("before-late-orders", "10-59/15 * * * *"),
    "deliver": ("every-minute", "* * * * *"),
    "forward-to-vendors": ("hourly", "35 * * * *"),
    "post-delays": ("daily-at-ten", "0 10 * * *"),
    "digest": ("daily-at-eight", "0 8 * * *"),
    "stock-report": ("daily-at-six", "0 6 * * *"),
    "restock": ("hourly", "50 * * * *"),
}


def flow_of(name: str) -> Flow[..., Any]:
    file, function = DEPLOYMENTS[name]["entrypoint"].split(":")
    assert (ROOT / file).is_file()
    found = getattr(import_module(file.removesuffix(".py").replace("/", ".")), function)
    assert isinstance(found, Flow)
    return found


def test_every_flow_is_deployed():
    assert set(DEPLOYMENTS) == {*WHEN, *BY_HAND, *BY_A_RUN}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_deployment_without_a_schedule_is_a_form_that_explains_itself(name):
    form = flow_of(name).parameters
    assert flow_of(name).name == name
    assert DEPLOYMENTS[name]["schedules"] == []
    assert form.required == ["run", "who"]
    assert [field for field, said in form.properties.items() if not said.get("description")] == []


def test_the_shards_of_a_run_are_started_by_that_run_alone_and_never_cancelled():
    (name,) = BY_A_RUN
    shard = flow_of(name).parameters
    assert (flow_of(name).name, shard.required) == (name, ["run", "shard", "shards"])
    assert DEPLOYMENTS[name]["schedules"] == []
    assert "concurrency_limit" not in DEPLOYMENTS[name]
    assert [field for field, said in shard.properties.items() if not said.get("description")] == []


@pytest.mark.parametrize("name", WHEN)
def test_a_deployment_leads_to_the_flow_of_its_name(name):
    # Prefect itself deploys a broken import without a word.
    assert flow_of(name).name == name


@pytest.mark.parametrize("name", WHEN)
def test_a_deployment_is_due_when_the_operators_page_says(name):
    slug, cron = WHEN[name]
    zones = {DEPLOYMENTS[one]["schedules"][0]["timezone"] for one in WHEN}
    assert DEPLOYMENTS[name]["schedules"] == [
        {"slug": slug, "cron": cron, "timezone": PREFECT_YAML["definitions"]["zone"]}
    ]
    assert len(zones) == 1, "every schedule keeps the shop's zone"
    assert re.search(rf"^\| `{name}` \|", (ROOT / "docs/operate.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", WHEN)
def test_of_the_runs_missed_in_an_outage_one_is_let_through_and_of_deliver_as_many_as_share_the_work(name):
    at_once = 3 if name == "deliver" else 1
    assert DEPLOYMENTS[name]["concurrency_limit"] == {"limit": at_once, "collision_strategy": "CANCEL_NEW"}


@pytest.mark.parametrize("name", WHEN)
def test_every_parameter_is_explained_and_may_be_left_out(name):
    form = flow_of(name).parameters
    assert not form.required
    assert [field for field, said in form.properties.items() if not said.get("description")] == []


def test_the_policy_is_a_form_whose_numbers_are_bounded():
    form = flow_of("late-orders").parameters
    assert {"$ref": "#/definitions/Policy"} in form.properties["policy"]["anyOf"]
    assert form.definitions is not None
    assert form.definitions["Bucket"]["properties"]["from_days"]["minimum"] == 1
    assert "default" in form.definitions["Policy"]["properties"]["caps"]


def test_no_credential_can_be_a_parameter():
    for name in WHEN:
        assert not re.search(r"key|token|secret|password|url", " ".join(flow_of(name).parameters.properties))


def started_by(unit: str) -> list[str]:
    return re.findall(r"^ExecStart=\S+/(.*)$", (UNITS / f"{unit}.service").read_text(), re.MULTILINE)


def test_the_containers_start_what_the_units_start_and_know_every_setting_they_name():
    docker, kubernetes = EXAMPLES / "docker", EXAMPLES / "kubernetes"
    services = yaml.safe_load((docker / "compose.yaml").read_text())["services"]
    (worker,) = yaml.safe_load((kubernetes / "worker.yaml").read_text())["spec"]["template"]["spec"]["containers"]
    assert worker["command"] == services["worker"]["command"].split()
    assert started_by("forewarn-worker") == [" ".join(worker["command"]).replace(" --type process", "")]
    assert [one for one in started_by("forewarn-deployments") if one not in services["deployments"]["command"]] == []
    said = "".join(file.read_text() for file in (*docker.iterdir(), *kubernetes.iterdir()))
    named = {name.lower() for name in re.findall(r"FOREWARN_([A-Z_]+)", said)}
    assert "database_url" in named <= Settings.model_fields.keys()


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.stem)
def test_a_unit_runs_the_checkout_with_the_settings_file_and_few_rights(unit):
    said = unit.read_text()
    assert "EnvironmentFile=/etc/forewarn/env\n" in said
    assert "\nUser=forewarn\n" in said
    assert "\nProtectSystem=strict\n" in said
    assert set(re.findall(r"^ExecStart=(\S+)", said, re.MULTILINE)) == {"/opt/forewarn/.venv/bin/prefect"}
    assert re.search(r"^Restart=(always|on-failure)$", said, re.MULTILINE)


def test_the_server_is_given_no_credential():
    fields = Settings.model_fields.items()
    secret = {name for name, field in fields if SecretStr in getattr(field.annotation, "__args__", ())}
    said = (UNITS / "forewarn-server.service").read_text()
    unset = " ".join(re.findall(r"^UnsetEnvironment=(.*)$", said, re.MULTILINE)).split()
    assert {f"FOREWARN_{name.upper()}" for name in secret | {"database_url"}} == set(unset)


def test_a_run_is_called_dead_after_no_less_than_three_signs_of_life():
    (automation,) = yaml.safe_load((ROOT / "docs/dead-runs.yaml").read_text())["automations"]
    assert automation["trigger"]["within"] >= 3 * 30
    assert automation["actions"][0]["state"] == "CRASHED"
