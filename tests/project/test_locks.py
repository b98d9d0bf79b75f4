"""The two lock files: what it needs to run, and that with what it needs to be developed, at the same versions."""

import re
import shutil
import subprocess
import tomllib

import pytest

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKE = shutil.which("make") or "make"
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(
    r"^([a-z0-9-]+)==(\S+)((?: ;[^\\]*)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def pins(name: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return version and hashes of each package and condition in a lock file."""
    return {
        (package, marker.strip()): (version, hashes) for package, version, marker, hashes in PIN.findall(text(name))
    }


def text(name: str) -> str:
    return (ROOT / name).read_text()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~!; ]", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_its_hashes(name):
    assert len(pins(name)) == len(re.findall(r"^[a-z0-9]", text(name), re.MULTILINE)) > 100


def test_both_lock_files_pin_the_same_version_of_a_package():
    run, develop = pins(LOCKS[0]), pins(LOCKS[1])
    versions = {(package, version) for (package, _), (version, _) in develop.items()}
    assert {(package, version) for (package, _), (version, _) in run.items()} <= versions


def test_what_it_needs_to_run_is_in_one_lock_file_and_the_tools_are_in_the_other_alone():
    groups = PROJECT["dependency-groups"]
    run, develop = ({package for package, _ in pins(name)} for name in LOCKS)
    assert names([*PROJECT["project"]["dependencies"], *groups["build"]]) <= run
    assert names(groups["dev"]) <= develop
    assert not {"pytest", "mypy", "selenium", "mkdocs"} & run


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_package_index(name):
    assert not re.search(r"https?://|file://|--(?:extra-)?index|--find-links", text(name))


@pytest.mark.parametrize(("target", "lock"), [("install", "requirements.lock"), ("setup", "requirements-dev.lock")])
@pytest.mark.parametrize(
    ("uv", "installer"), [("/opt/uv", "/opt/uv pip install"), ("", ".venv/bin/python -m pip install")]
)
def test_uv_and_pip_install_the_same_lock_file_and_say_who_does_it(target, lock, uv, installer):
    shown = subprocess.run(  # noqa: S603 - our own
        [MAKE, "--dry-run", "--always-make", target, f"UV={uv}"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    commands = [line for line in shown.splitlines() if line.startswith(installer)]
    assert len(commands) == 2
    assert commands[0].endswith(f"--require-hashes --requirement {lock}")
    assert commands[1].endswith("--no-deps --no-build-isolation --editable .")
    assert f"with {'uv' if uv else 'pip'}. This takes " in shown
