"""The wheel: it holds every file of the packages, and works outside the checkout."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = [pattern.rstrip("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]]
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
# One process for all commands: each would import the packages again.
RUN = """
import sys
from importlib.metadata import distribution
forewarn = distribution("forewarn").entry_points["forewarn"].load()
for command in sys.argv[1:]:
    sys.argv = ["forewarn", *command.split()]
    try:
        forewarn()
    except SystemExit as ended:
        if ended.code:
            raise
"""
SAMPLE = "import sys; from pathlib import Path; from datetime import date; from sources.sample import write_sample; "
SAMPLE += (
    "write_sample(Path('sample'), orders=20, seed=7, as_of=date(2026, 3, 2)); import sources; print(sources.__file__)"
)


def files_of_packages() -> set[str]:
    found = (path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Return a wheel built from a copy of the checkout, so that no earlier build is mixed in."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-c", BUILD, out], cwd=copy, check=True, capture_output=True)  # noqa: S603 - our own
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return a function that runs Python with the unpacked wheel before everything else, in an empty folder."""
    site, place = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FOREWARN_", "PREFECT_"))}
    environment |= {"PYTHONPATH": str(site), "COLUMNS": "100"}

    def run(code: str, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-P", "-c", code, *arguments],
            cwd=place, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run.site, run.place = site, place
    return run


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == files_of_packages()


def test_the_wheel_names_the_licence_the_command_and_every_dependency(wheel):
    with ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("METADATA"))
        metadata = archive.read(name).decode()
        assert name.replace("METADATA", "licenses/LICENSE") in archive.namelist()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    assert len(required) == len(PROJECT["project"]["dependencies"])
    assert "License-Expression: MIT" in metadata


def test_a_shop_is_made_checked_imported_and_published_outside_the_checkout(installed):
    commands = ("--version", "shop init shop", "shop check", "import", "storefront publish --to pages")
    said = installed(RUN, *commands, "preview --into preview")  # the templates are there
    assert said.startswith(f"forewarn {PROJECT['project']['version']}\n")
    assert "Nothing is wrong" in said
    assert "3 inserted" in said  # the migrations are there
    script = "forewarn.js"
    assert (installed.place / "pages" / script).read_bytes() == (ROOT / "tasks/storefront/static" / script).read_bytes()
    assert "fortnight" in (installed.place / "preview" / "index.html").read_text()


def test_the_sample_shop_of_the_demo_is_made_from_the_wheel(installed):
    assert Path(installed(SAMPLE).strip()).is_relative_to(installed.site)
    made = {path.name for path in (installed.place / "sample" / "sources").iterdir()}
    assert made == {path.name for path in (ROOT / "sources/sample/shop/sources").iterdir()}
