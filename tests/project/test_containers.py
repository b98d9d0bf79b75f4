"""The image and the files that describe it: what is copied exists, and the files keep their formats."""

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.paths import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
LET_IN = [line.removeprefix("!") for line in IGNORED if line.startswith("!")]
KNOWN = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "FROM", "HEALTHCHECK", "LABEL", "RUN", "USER", "VOLUME", "WORKDIR"}
SCHEMAS = {"compose.yaml": "vendor.compose-spec", ".github/workflows/ci.yaml": "vendor.github-workflows"}


def instructions() -> list[tuple[str, str]]:
    """Return each instruction of the Dockerfile with its arguments, continued lines joined."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], " ".join(line.split()[1:])) for line in lines.splitlines() if line.strip()]


def test_the_dockerfile_has_only_known_instructions_and_begins_with_an_image():
    names = [name for name, _ in instructions()]
    assert set(names) <= KNOWN
    assert names[0] == "FROM"


def test_the_image_has_the_python_that_the_lock_is_made_for():
    lock = (ROOT / "requirements.lock").read_text()
    locked = re.search(r"--python-version (\S+)", lock)
    assert locked
    assert dict(instructions())["FROM"] == f"python:{locked[1]}-slim"


def test_every_path_that_is_copied_exists_and_is_let_in():
    copied = [source for name, rest in instructions() if name == "COPY" for source in rest.split()[:-1]]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert source == "." or source in LET_IN


def test_the_image_gets_every_package_and_nothing_that_is_not_needed_to_run():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    files = {project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml", "requirements.lock"}
    assert IGNORED[0] == "*"
    assert set(LET_IN) == packages | files | {"prefect.yaml", "docs/dead-runs.yaml"}
    assert [path for path in LET_IN if not (ROOT / path).exists()] == []
    assert not any(fnmatch(".env", path) for path in LET_IN)


def test_the_image_does_not_run_as_root():
    users = [rest for name, rest in instructions() if name == "USER"]
    assert [int(user) for user in users] == [10001]
    assert "useradd --uid 10001 " in DOCKERFILE


@pytest.mark.parametrize("file", SCHEMAS)
def test_a_file_keeps_the_schema_of_its_format(file):
    check = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(  # noqa: S603 - our own
        [check, "--builtin-schema", SCHEMAS[file], ROOT / file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
