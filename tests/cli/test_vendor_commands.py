"""The commands about vendors, as somebody at a terminal uses them."""

import json
import sys

import pytest
from sqlalchemy import insert, update

from app.composition import open_app
from cli.main import main
from tasks.tables import ORDERS, OUTBOX, PRODUCTS, VENDORS
from tests.support.buying import HOME, table
from tests.support.shop_driver import SHOP_TOML, ShopDriver

SHOP = f"""{SHOP_TOML}\
[vendor.v1]
by = "folder"
path = "../v1"
"""


@pytest.fixture
def forewarn(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command over a shop with one drop-shipped line, and returns code and words."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.toml").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with open_app(tmp_path / "shop") as app:
        ShopDriver(app.context).order("1041")
        with app.context.engine.begin() as connection:
            connection.execute(insert(VENDORS).values(id="v1", name="Vendor & Sons"))
            connection.execute(update(PRODUCTS).values(vendor_id="v1", drop_shipped=True))
            connection.execute(update(ORDERS).values(**HOME))

    def run(*arguments, of=("vendors",)):
        monkeypatch.setattr(sys, "argv", ["forewarn", *of, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return code if isinstance(code, int) else 1, said.out + said.err + ("" if isinstance(code, int) else str(code))

    return run


def test_a_line_is_asked_for_answered_and_asked_for_again(forewarn, tmp_path):
    assert "p1" in forewarn("forward", "--dry-run")[1]
    code, said = forewarn("forward", "--json")
    assert (code, json.loads(said)["requested"]) == (0, {"v1": 1})
    (file,) = (tmp_path / "v1").iterdir()
    (row,) = table(file.read_bytes())
    assert "0 of 1" in forewarn("list")[1]
    answer = [row | {"answer": "refused", "reason": "discontinued"}, row | {"answer": "accepted", "line": "9"}]
    (tmp_path / "back.json").write_text(json.dumps(answer))
    code, said = forewarn("import-responses", "back.json", "--json")
    told = json.loads(said)
    assert (code, told["refused"], told["rejected"][0].split(": ")[1]) == (1, 1, "line '9'")
    assert "refused: discontinued" in forewarn("waiting")[1]
    assert forewarn("reopen", row["request"][:8])[1] == "1 lines will be requested again.\n"
    assert json.loads(forewarn("forward", "--json")[1])["sent"] == {"folder": 1}
    assert forewarn("waiting") == (0, "Nothing waits for staff.\n")
    assert [request["responses"] for request in json.loads(forewarn("list", "--json")[1])["requests"]] == [0, 1]


@pytest.mark.parametrize("command", ["send", "drop", "confirm", "reopen"])
def test_a_request_that_is_none_is_named_in_one_sentence(forewarn, command):
    code, said = forewarn(command, "beef")
    assert code == 1
    assert said.splitlines()[-1] == (
        "forewarn: none of the purchase requests that may be decided on (`forewarn vendors list` shows them) "
        "begins with 'beef'"
    )


def test_a_vendor_is_not_asked_for_what_was_wanted_on_another_day(forewarn, tmp_path):
    assert "add --dry-run" in forewarn("forward", "--as-of", "2026-06-15")[1]
    assert not (tmp_path / "v1").exists()
    assert forewarn("forward", "--as-of", "2026-06-16", "--dry-run")[0] == 0


def test_a_purchase_request_in_doubt_shows_in_the_status(forewarn):
    forewarn("forward")
    with open_app("shop") as app, app.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state="in_doubt"))
    said = forewarn("status", of=())[1]
    assert "1 purchase requests in doubt need staff: `forewarn vendors waiting`" in " ".join(said.split())
