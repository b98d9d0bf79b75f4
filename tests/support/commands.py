"""The commands of `forewarn`, run in this process: a new process takes a second to import the code."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.main import main


@dataclass(frozen=True)
class Done:
    """How a command ended, as `subprocess.run` returns it."""

    returncode: int
    stdout: str
    stderr: str


def run_command(folder: Path, *arguments: str, **environment: str) -> Done:
    """Run a command in a folder, with these settings alone."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["forewarn", *map(str, arguments)])
        for name in os.environ:
            if name.startswith(("FOREWARN_", "PREFECT_")):
                patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    if isinstance(code, str):  # Python prints such a code and exits with 1
        err.write(f"{code}\n")
    return Done(1 if isinstance(code, str) else code or 0, out.getvalue(), err.getvalue())
