"""The code that is measured, and that of an older commit beside it: a process for each, with its own tree first."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

TREE = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("side.py")
OURS = "Forewarn"
STAND_INS = {"twitter_text": "parse_tweet = None\n"}
"""Modules that older commits import and that are not installed any more; no mail needs them."""


@dataclass(frozen=True, slots=True)
class Side:
    """One tree's code, in a process of its own."""

    name: str
    folder: Path
    """Where its shops are."""
    _process: "Popen[str]"

    def ask(self, work: str, *given: Any) -> Any:
        """Have a function of `side.py` done by this tree; return what it returns."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(
            json.dumps([work, [str(one) if isinstance(one, Path) else one for one in given]]) + "\n"
        )
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"{self.name}: {work} failed, see above"
        return json.loads(answer)


@contextmanager
def sides(folder: Path, against: str | None) -> Iterator[list[Side]]:
    """Start this tree's code, and that of the commit `against` where one is named."""
    with ExitStack() as stack:
        started = [stack.enter_context(_side(OURS, TREE, folder / "ours"))]
        if against:
            tree = _checked_out(against, folder / "tree")
            started.append(stack.enter_context(_side(against, tree, folder / "theirs")))
        yield started


@contextmanager
def _side(name: str, tree: Path, folder: Path) -> Iterator[Side]:
    folder.mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-P", str(SCRIPT)]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True, env=environment, cwd=folder) as process:  # noqa: S603 - ours
        yield Side(name, folder, process)
        assert process.stdin
        process.stdin.close()


def _checked_out(commit: str, tree: Path) -> Path:
    """Write the files of a commit of this repository to a folder."""
    archive = ["git", "-C", str(TREE), "archive", "--format=tar", commit]
    packed = subprocess.run(archive, check=True, stdout=PIPE).stdout  # noqa: S603 - git, and a commit
    with tarfile.open(fileobj=BytesIO(packed)) as files:
        files.extractall(tree, filter="data")
    for module, text in STAND_INS.items():
        if not find_spec(module):
            (tree / f"{module}.py").write_text(text)
    return tree
