"""The commands about product pages, as a shop's script calls them."""

import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.composition import open_app
from cli.main import command_line
from sources.sample import write_sample
from tests.support.builders import DAY
from tests.support.serving import get
from tests.support.storefront import StorefrontFixture
from tests.support.terminals import free_port, until


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Return the folder of a shop in which one product is expected, and one is in stock."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    write_sample(folder, orders=5, seed=7, as_of=DAY)
    with open_app(folder) as app:
        storefront = StorefrontFixture(app.context)
        storefront.now = datetime.now(UTC)
        storefront.set_availability("coming", expected=(storefront.now.date() - DAY).days + 7, free=2)
        storefront.set_availability("there", "in_stock")
    return folder


@pytest.fixture
def forewarn(shop, monkeypatch):
    monkeypatch.setenv("FOREWARN_SHOP", str(shop))
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments):
        return CliRunner().invoke(command_line, arguments)

    return command


def test_what_shoppers_are_told_is_shown_in_the_shops_language(forewarn):
    shown = forewarn("storefront", "show").stdout
    assert "coming" in shown
    assert "2 units of that delivery are still available" in shown
    assert "there" not in shown.split()
    assert "In stock and ready to ship" in forewarn("storefront", "show", "there").stdout
    assert set(json.loads(forewarn("storefront", "show", "--json").stdout)["products"]) == {"coming"}
    assert json.loads(forewarn("storefront", "show", "coming", "--json").stdout)["units_left"] == 2


def test_a_product_of_which_nothing_is_known_is_named(forewarn):
    done = forewarn("storefront", "show", "other")
    assert done.exit_code != 0
    assert "product 'other' has no availability" in str(done.exception)


def test_files_go_to_the_folder_that_is_named_or_set(forewarn, tmp_path, monkeypatch):
    done = forewarn("storefront", "publish")
    assert "--to FOLDER or FOREWARN_STOREFRONT_DIR" in str(done.exception)
    done = json.loads(forewarn("storefront", "publish", "--to", str(tmp_path / "one"), "--json").stdout)
    assert done == {"notices": 1, "written": 6, "removed": 0, "left_out": 0}
    monkeypatch.setenv("FOREWARN_STOREFRONT_DIR", str(tmp_path / "two"))
    assert f"6 files in {tmp_path / 'two'}" in forewarn("storefront", "publish").stdout
    for folder in ("one", "two"):
        assert json.loads((tmp_path / folder / "stock" / "coming.json").read_text())["state"] == "backorder"


def answers(port):
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def test_the_server_answers_until_it_is_stopped(shop):
    port = free_port()
    command = [Path(sys.executable).with_name("forewarn"), "serve", "--shop", shop, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            assert server.stdout.readline().startswith(f"Serving http://127.0.0.1:{port}/desk;")
            until(lambda: answers(port), "the server answers")
            assert set(json.loads(get(f"http://127.0.0.1:{port}/stock.json").body)["products"]) == {"coming"}
            second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
            said = f"forewarn: cannot listen on 127.0.0.1, port {port}: address already in use\n"
            assert (second.returncode, second.stderr) == (1, said)
        finally:
            server.send_signal(signal.SIGINT)
            _, complaints = server.communicate(timeout=30)
    assert (server.returncode, complaints) == (0, "")


def test_allocating_keeps_the_files_up_to_date_where_a_folder_is_set(forewarn, tmp_path, monkeypatch):
    monkeypatch.setenv("FOREWARN_STOREFRONT_DIR", str(tmp_path / "www"))
    assert forewarn("allocate").exit_code == 0
    assert (tmp_path / "www" / "stock.json").is_file()
    assert (tmp_path / "www" / "feed.csv").is_file()
