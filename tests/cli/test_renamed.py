"""An old name of a command, policy key, setting or column is answered with the one that it has now."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.composition import read_settings
from cli.main import command_line, main
from cli.renamed_commands import RENAMED, RENAMED_OPTIONS, new_name
from models.config.known_keys import RENAMED as RENAMED_KEYS
from models.config.settings import Settings
from models.config.shop import read_shop
from models.errors import BadShop, ForewarnError
from models.policy.policy import Policy
from sources.connectors.queries import Select, check_columns, read_selects
from sources.contract import CONTRACT
from sources.starter_folder import write_starter

COLUMNS = ("together", "wish")


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_command_names_the_one_that_does_its_work(old, new, monkeypatch, capsys):
    assert CliRunner().invoke(command_line, [*new.split(), "--help"]).exit_code == 0
    monkeypatch.setattr(sys, "argv", ["forewarn", *old, "1041"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value) == f"forewarn: `forewarn {' '.join(old)}` is `forewarn {new}` now"
    assert new_name(new.split()) is None


@pytest.mark.parametrize(("command", "options"), RENAMED_OPTIONS.items())
def test_an_old_option_names_the_new_one(command, options):
    for old, new in options.items():
        assert new_name([*command, "1041", "1", old]) == f"`{old}` of `forewarn {' '.join(command)}` is `{new}` now"
        assert new in CliRunner().invoke(command_line, [*command, "--help"]).output
        assert new_name([*command, "1041", "1", new]) is None


@pytest.mark.parametrize("old", [key for key in RENAMED_KEYS if not key.startswith("FOREWARN_") and key not in COLUMNS])
def test_an_old_policy_key_names_the_new_one(old, tmp_path):
    section, _, key = old.rpartition(".")
    new = RENAMED_KEYS[old]
    write_starter(tmp_path / "shop")
    text = f"[{section}]\n{key} = 1\n" if section else f"[{key}]\n"
    (tmp_path / "shop" / "policy.toml").write_text(text)
    with pytest.raises(BadShop, match=rf"policy\.toml: {old.replace('.', r'.')}: its name is {new} now"):
        read_shop(tmp_path / "shop")
    known = Policy.model_fields[section].annotation.model_fields if section else Policy.model_fields
    assert new in known


@pytest.mark.parametrize(("table", "old"), [("lines", "together"), ("orders", "wish")])
def test_an_old_column_names_the_new_one(table, old):
    fields = CONTRACT[table].model_fields
    needed = [name for name, field in fields.items() if field.is_required()]
    assert RENAMED_KEYS[old] in fields
    with pytest.raises(BadShop, match=rf"the name of column '{old}' is '{RENAMED_KEYS[old]}' now"):
        check_columns(Select(table, Path(f"{table}.sql"), "SELECT 1"), [*needed, old])


def test_an_old_select_names_the_new_one(tmp_path):
    write_starter(tmp_path / "shop")
    (tmp_path / "shop" / "sources" / "left_out.sql").write_text("SELECT 'b2b' AS reason, 1 AS count")
    with pytest.raises(BadShop, match=r"left_out\.sql: its name is excluded\.sql now"):
        read_selects(tmp_path / "shop" / "sources")


@pytest.mark.parametrize("old", [key for key in RENAMED_KEYS if key.startswith("FOREWARN_")])
def test_an_old_setting_names_the_new_one(old, monkeypatch):
    new = RENAMED_KEYS[old]
    assert new.removeprefix("FOREWARN_").lower() in Settings.model_fields
    monkeypatch.setenv(old, "1")
    with pytest.raises(ForewarnError, match=rf"^{old}, in the environment: its name is {new} now$"):
        read_settings()
