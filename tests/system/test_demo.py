"""`forewarn demo`, as somebody runs it in the folder of a real installation."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.serving import get
from tests.support.terminals import free_port, until

FOREWARN = Path(sys.executable).with_name("forewarn")


def test_the_demo_reaches_nothing_that_is_set_up_where_it_runs(tmp_path):
    port = free_port()
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / ".env").write_text(
        f"FOREWARN_DATABASE_URL=sqlite:///{real / 'real.db'}\n"
        f"FOREWARN_OUTBOX_DIR={real}\n"
        "FOREWARN_EMAIL=sendgrid\n"
        "FOREWARN_SENDGRID_API_KEY=SG.real\n"
        "FOREWARN_SENDGRID_URL=http://127.0.0.1:9\n"
        "PREFECT_API_URL=http://127.0.0.1:9/api\n"
        f"PREFECT_SERVER_DATABASE_CONNECTION_URL=sqlite+aiosqlite:///{real / 'prefect.db'}\n"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    real_ones = {f"FOREWARN_{name}": str(real) for name in ("DATA", "STOREFRONT", "HOME", "SHOP")}
    done = subprocess.run(  # noqa: S603 - our own command
        [FOREWARN, "demo", "--orders", "80", "--as-of", "2025-11-24", "--port", str(port)],
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
    assert f"demo --serve --port {port}" in done.stdout
    assert re.search(r"In doubt +1, ", done.stdout)
    assert re.search(r"Held +a later run: \d+ of \d+ open orders would be told at once", done.stdout)
    every_link_leads_somewhere(tmp_path, port, clean)


def every_link_leads_somewhere(folder, port, environment):
    """Serve the demo as its last line says, and follow each link of its front page, its mails and its texts."""
    command = [FOREWARN, "demo", "--serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, env=environment) as server:  # noqa: S603 - our own command
        try:
            until(lambda: _answers(port), "the demo is served")
            home = f"http://127.0.0.1:{port}"
            messages = [json.loads(file.read_text()) for file in folder.glob("demo/var/*/outbox/*/*/*.json")]
            written = "".join(message["html"] + message["text"] for message in messages)
            written += get(f"{home}/").body.decode() + get(f"{home}/outbox/").body.decode().replace(
                'href="', f'href="{home}/outbox/'
            )
            links = {link.rstrip(".,)") for link in re.findall(rf"{home}/[^\s\"<>]*", written)}
            assert any("/o/" in link for link in links)
            assert {link: status for link in sorted(links) if (status := get(link).status) != 200} == {}
        finally:
            server.terminate()


def _answers(port):
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0
