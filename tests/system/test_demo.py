"""`forewarn demo`, as somebody runs it in the folder of a real installation."""

import os
import subprocess
import sys
from pathlib import Path

FOREWARN = Path(sys.executable).with_name("forewarn")


def test_the_demo_reaches_nothing_that_is_set_up_where_it_runs(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / ".env").write_text(
        f"FOREWARN_DATABASE_URL=sqlite:///{real / 'real.db'}\n"
        f"FOREWARN_OUTBOX_DIR={real}\n"
        "FOREWARN_EMAIL=sendgrid\n"
        "FOREWARN_SENDGRID_API_KEY=SG.real\n"
        "FOREWARN_SENDGRID_URL=http://127.0.0.1:9\n"
        "PREFECT_API_URL=http://127.0.0.1:9/api\n"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    real_ones = {f"FOREWARN_{name}": str(real) for name in ("DATA", "STOREFRONT", "HOME", "SHOP")}
    done = subprocess.run(  # noqa: S603 - our own command
        [FOREWARN, "demo", "--orders", "60", "--as-of", "2025-11-24"],
        cwd=tmp_path,
        env=clean | real_ones | {"FOREWARN_SMS": "twilio", "FOREWARN_SOURCE_URL": "postgresql://127.0.0.1:9/real"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr
    assert f"Open {tmp_path / 'demo' / 'var' / 'lantern-loom' / 'outbox' / 'index.html'}" in done.stdout
    assert list((tmp_path / "demo").rglob("*.eml"))
    assert list(real.iterdir()) == []
