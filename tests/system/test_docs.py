"""What the pages say is so: their commands run, their tables are whole, their links lead somewhere."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
import typer
from sqlmodel import SQLModel

import tasks.tables  # noqa: F401 - it fills SQLModel.metadata
from app.composition import open_app
from app.reports.counts import counted
from cli.demo_service import hold_a_run, leave_in_doubt
from cli.main import command_line
from cli.reference.config_pages import page
from cli.run_day import run_day
from flows.post_delays import run_post_delays
from models.enums import ChangeKind, SkipReason, State
from models.run_report import Report
from sources.sample import write_sample
from templates.rendering.formats import FILTERS
from templates.rendering.variables import VARIABLES
from templates.rendering.view_models import ItemView, OrderView, ProductView, SubstituteView
from tests.support.paths import ROOT
from tests.support.terminals import BASH, section

DAY = date(2025, 11, 24)
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")))
RUN_HERE = ("README.md", "customer-service.md", "marketing.md", "choices.md")
RUN_THERE = ("operate.md", "first-quarter-operator.md", "first-quarter-agent.md", "first-quarter-marketer.md")
"""Run by test_schedule.py, as is the README's section, and by the tests of the first quarters of an hour."""

FENCE = re.compile(
    r"(?P<not_run><!-- not run: [^\n]+ -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"""\]\(([^)\s]+)\)|src="([^"]+)\"""")
MARK = "~ end of block ~"


@dataclass(frozen=True)
class Block:
    commands: str
    said: str | None
    """What the page shows as the output; None where it shows none."""


def text_of(name: str) -> str:
    found = next(file for file in PAGES if file.name == name).read_text()
    return found.replace(section(ROOT / name, "every day"), "") if name == "README.md" else found


def blocks(markdown: str) -> list[Block]:
    """Return the `sh` blocks that are run, each with the `text` block that follows it at once."""
    found = list(FENCE.finditer(markdown))
    after = {one.end(): one for one in found}
    nexts = {end: next((one for one in found if markdown[end : one.start()] == "\n\n"), None) for end in after}
    return [
        Block(one["text"], said["text"] if (said := nexts[one.end()]) and said["kind"] == "text" else None)
        for one in found
        if one["kind"] == "sh" and not one["not_run"]
    ]


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory) -> tuple[Path, Report]:
    """Return a folder in which `forewarn demo --as-of 2025-11-24` might have been, and what it told."""
    place = tmp_path_factory.mktemp("docs")
    write_sample(place / "demo" / "shop", orders=400, seed=7, as_of=DAY)
    asyncio.run(leave_in_doubt(place / "demo", DAY))
    with open_app(place / "demo" / "shop") as app:
        report = asyncio.run(run_day(app, DAY, import_first=True))
        asyncio.run(run_post_delays(app, DAY))
    asyncio.run(hold_a_run(place / "demo", DAY))
    return place, report


@pytest.fixture(scope="module")
def shown(sample_run, warm_forewarn) -> dict[str, tuple[str, str, int]]:
    """Return what the blocks of each page print, what they complain of, and how they end; all pages at once."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    ours |= {"PATH": f"{warm_forewarn}:{Path(sys.executable).parent}:{ours['PATH']}", "COLUMNS": "100"}
    running = {}
    for name in RUN_HERE:
        script = "".join(f"{one.commands}echo '{MARK}'\n" for one in blocks(text_of(name)))
        running[name] = subprocess.Popen(  # noqa: S603 - what our own page says
            [*BASH, script], cwd=sample_run[0], env=ours, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    return {name: (*one.communicate(timeout=300), one.returncode) for name, one in running.items()}


@pytest.mark.parametrize("name", RUN_HERE)
def test_the_commands_of_a_page_do_what_it_shows(shown, name):
    out, complaints, code = shown[name]
    assert code == 0, out + complaints
    said = ["\n".join(line.rstrip() for line in part.strip().splitlines()) for part in out.split(MARK)]
    for block, output in zip(blocks(text_of(name)), said, strict=False):
        assert block.said is None or block.said.strip() == output, block.commands


def test_every_page_with_our_commands_is_run():
    with_ours = {file.name for file in PAGES if any("forewarn " in one.commands for one in blocks(file.read_text()))}
    assert with_ours == {*RUN_HERE, *RUN_THERE}


def test_the_readme_shows_the_figures_of_the_demo(sample_run):
    _, report = sample_run
    lines = dict(re.findall(r"^(\w+) {2,}(.+)$", text_of("README.md"), re.MULTILINE))
    words = {"Late": "late", "Changes": "changes", "Remedies": "offers", "Outbox": "trial", "Skipped": "skipped"}
    shown = {name: set(lines[word].split(", ")) for word, name in words.items()}
    assert shown == {name: set(counted(getattr(report, name)).split(", ")) for name in shown}


def test_the_readmes_first_example_is_what_the_sample_shop_says(sample_run):
    first = next(one["text"] for one in FENCE.finditer(text_of("README.md")) if one["text"].startswith("$ forewarn"))
    command, *shown = first.splitlines()
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    ours |= {"PATH": f"{Path(sys.executable).parent}:{ours['PATH']}", "COLUMNS": "120"}
    options = ["--shop", "demo/shop", "--as-of", str(DAY)]
    said = subprocess.run(  # noqa: S603 - what our own page says
        [*shlex.split(command.removeprefix("$ ")), *options],
        cwd=sample_run[0],
        env=ours,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [line for line in shown if line != "..." and line not in map(str.rstrip, said)] == []


@pytest.mark.parametrize("name", ["policy", "report", "settings"])
def test_a_written_page_is_current(name):
    assert (DOCS / f"{name}.md").read_text() == page(name), (
        f"python -m cli.reference.config_pages {name} > docs/{name}.md"
    )


@pytest.mark.parametrize("name", ["policy", "report", "settings"])
def test_every_key_of_a_written_page_has_a_meaning(name):
    assert not re.findall(r"^\|.*\|\s*\|$", page(name), re.MULTILINE)


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_link_leads_somewhere(file):
    targets = [first or second for first, second in LINK.findall(file.read_text())]
    for target in targets:
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        there = (file.parent / path).resolve() if path else file
        assert there.exists(), f"{file.name} links to {target}"
        assert not anchor or anchor in anchors(there.read_text()), f"{file.name} links to {target}"


def anchors(markdown: str) -> set[str]:
    """Return what GitHub makes of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_command_is_named_in_some_page():
    told = "\n".join(file.read_text() for file in PAGES)
    root = typer.main.get_command(command_line)
    assert [command for command in commands(root) if f"forewarn {command}" not in told] == []


def commands(group: object, before: str = "") -> list[str]:
    found = []
    for name, command in getattr(group, "commands", {}).items():
        found += commands(command, f"{before}{name} ") or [f"{before}{name}"]
    return found


def test_every_command_in_a_sentence_has_the_options_that_are_said():
    for file in PAGES:
        for line in re.findall(r"`forewarn ([^`]+)`", file.read_text()):
            command, words = typer.main.get_command(command_line), shlex.split(line)
            while hasattr(command, "commands"):
                command = command.commands[words.pop(0)]
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            assert {word for word in words if word.startswith("-")} <= known, f"{file.name}: forewarn {line}"


def test_the_glossary_knows_every_table_state_reason_and_kind_of_news():
    told = (DOCS / "glossary.md").read_text()
    words = [*SQLModel.metadata.tables, *State, *SkipReason, *ChangeKind]
    assert [word for word in words if f"`{word}`" not in told] == []


@pytest.mark.parametrize("kind", [State, SkipReason])
def test_customer_service_is_told_what_each_state_and_reason_means(kind):
    told = (DOCS / "customer-service.md").read_text()
    not_yet = {State.DELIVERED, State.BOUNCED}
    assert [word for word in kind if f"`{word}`" not in told and word not in not_yet] == []


def test_marketing_is_told_every_name_and_filter_that_a_template_may_use():
    told = (DOCS / "marketing.md").read_text()
    names = {name for group in VARIABLES.values() for name in group}
    names |= {name for kind in (SubstituteView, ItemView, OrderView, ProductView) for name in kind.__slots__}
    assert [name for name in sorted(names) if f"`{name}`" not in told] == []
    assert [name for name in FILTERS if f"|{name}" not in told] == []


def test_every_dependency_has_its_reason():
    told = (DOCS / "dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    asked = [*project["project"]["dependencies"], *groups["build"], *groups["dev"]]
    names = [re.split(r"[\[<>=~!]", one)[0] for one in asked]
    listed = re.findall(r"^\| `([\w-]+)` \|", told, re.MULTILINE)
    assert sorted(listed) == sorted(names)
