"""Tests of compiled templates that are kept in a folder for other processes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import Environment

from templates.rendering import compiled
from templates.rendering.environment import make_environment

FILE = "week/subject.en.txt"
COUNT = """
import sys
from pathlib import Path
from jinja2 import Environment
from templates.rendering.environment import make_environment
compiles = []
generate = Environment.compile
Environment.compile = lambda self, *args, **more: compiles.append(args[1]) or generate(self, *args, **more)
jinja = make_environment(None, sys.argv[2] or None, Path(sys.argv[1]))
print(jinja.get_template("week/body.en.html").filename, len(compiles))
"""


def compiles_in_new_process(folder: Path, accent: str = "") -> int:
    """Return how many templates a new process has to compile for one mail."""
    command = [sys.executable, "-c", COUNT, str(folder), accent]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])  # noqa: S603 - our own code


@pytest.fixture
def new_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Environment]:
    """Return a function that makes an environment as a new process would: with nothing in memory."""
    (tmp_path / "compiled").mkdir()
    (tmp_path / "own" / "week").mkdir(parents=True)
    monkeypatch.setattr(compiled, "_memory_of", lambda _: {})
    return lambda: make_environment(tmp_path / "own", None, tmp_path / "compiled")


def test_next_process_compiles_nothing(tmp_path: Path) -> None:
    assert compiles_in_new_process(tmp_path) == 1
    assert compiles_in_new_process(tmp_path) == 0
    assert compiles_in_new_process(tmp_path, "#aa2200") == 1, "colours are compiled in"


def test_changed_template_is_compiled_again(tmp_path: Path, new_environment: Callable[[], Environment]) -> None:
    own = tmp_path / "own" / FILE
    own.write_text("First {{ 1 + 1 }}")
    assert new_environment().get_template(FILE).render() == "First 2"
    own.write_text("Other {{ 1 + 1 }}")
    assert new_environment().get_template(FILE).render() == "Other 2"


@pytest.mark.parametrize("keep", [0, 5, 60], ids=["empty", "cut off in its head", "cut off in its code"])
def test_damaged_file_is_compiled_again(tmp_path: Path, new_environment: Callable[[], Environment], keep: int) -> None:
    (tmp_path / "own" / FILE).write_text("Two: {{ 1 + 1 }}")
    new_environment().get_template(FILE)
    (file,) = (tmp_path / "compiled").iterdir()
    file.write_bytes(file.read_bytes()[:keep])
    assert new_environment().get_template(FILE).render() == "Two: 2"
    assert len(file.read_bytes()) > 60, "it is written anew"


def test_folder_that_is_gone_is_no_error(tmp_path: Path, new_environment: Callable[[], Environment]) -> None:
    (tmp_path / "own" / FILE).write_text("Two: {{ 1 + 1 }}")
    (tmp_path / "compiled").rmdir()
    assert new_environment().get_template(FILE).render() == "Two: 2"


def test_other_version_of_the_rendering_code_compiles_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_environment(None, None, tmp_path)
    first = compiled.compiled_templates(tmp_path, None)
    monkeypatch.setattr(compiled, "_code_digest", lambda: "another")
    other = compiled.compiled_templates(tmp_path, None)
    assert first._folder.pattern != other._folder.pattern  # type: ignore[union-attr]
