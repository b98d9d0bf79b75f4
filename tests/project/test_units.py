"""The systemd units are units that systemd accepts, with the same protection each."""

import re
import shutil
import subprocess

import pytest

from tests.support.paths import ROOT

UNITS = ROOT / "docs" / "systemd"
PROTECTION = {"NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes", "UMask=0077", "User=forewarn"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_accepts_every_unit(tmp_path):
    for unit in UNITS.iterdir():
        # The programs are installed on the server only.
        (tmp_path / unit.name).write_text(re.sub(r"/opt/forewarn/\.venv/bin/\w+", "/bin/true", unit.read_text()))
    done = subprocess.run(  # noqa: S603 - Debian's own
        [shutil.which("systemd-analyze"), "verify", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "forewarn-" in line]
    assert ours == []


@pytest.mark.parametrize("name", ["forewarn-serve.service", "forewarn-backup.service", "forewarn-prune.service"])
def test_a_unit_may_change_nothing_but_the_state(name):
    assert set((UNITS / name).read_text().splitlines()) >= PROTECTION


def test_each_timer_has_its_service():
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").is_file()
