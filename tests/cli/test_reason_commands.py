"""`forewarn reasons` and what `explain` shows of a reason."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import command_line
from sources.sample import write_sample
from tests.support.builders import DAY


@pytest.fixture
def forewarn(tmp_path):
    write_sample(tmp_path / "shop", orders=60, seed=7, as_of=DAY)

    def run(*arguments):
        result = CliRunner().invoke(command_line, [*arguments, "--shop", str(tmp_path / "shop")])
        return result.exit_code, " ".join(result.output.split())

    assert run("import", "--as-of", str(DAY))[0] == 0
    return run


def test_staff_give_list_and_clear_a_reason_and_explain_shows_it(forewarn):
    assert forewarn("reasons", "list") == (0, "Staff gave no reason.")
    code, said = forewarn("reasons", "set", "strike", "--line", "1041/1", "--who", "mara")
    assert (code, said) == (0, "Set for order line 1041/1: strike.")
    assert (
        "line 1 is late because a strike is holding up deliveries (given for the order line)"
        in forewarn("explain", "1041", "--as-of", str(DAY))[1]
    )
    (row,) = json.loads(forewarn("reasons", "list", "--json")[1])["reasons"]
    assert (row["scope"], row["subject"], row["code"], row["who"]) == ("line", "1041/1", "strike", "mara")
    assert forewarn("reasons", "clear", "--line", "1041/1", "--who", "mara")[0] == 0
    assert forewarn("reasons", "list") == (0, "Staff gave no reason.")


def test_words_of_staff_are_given_by_language(forewarn):
    texts = ("--text", "en=The kiln broke.", "--text", "pt-BR=o forno quebrou")
    assert forewarn("reasons", "set", "other", "--line", "1041/1", "--who", "mara", *texts)[0] == 0
    (row,) = json.loads(forewarn("reasons", "list", "--json")[1])["reasons"]
    assert row["texts"] == {"en": "The kiln broke", "pt_BR": "o forno quebrou"}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--line", "1041/1", "--vendor", "V1"),
        ("--line", "1041/1", "--text", "the kiln broke"),
        ("--line", "1041/1", "--text", "klingon=qul"),
        ("--line", "1041/1", "--text", "en= "),
    ],
)
def test_a_command_that_is_not_clear_changes_nothing(forewarn, arguments):
    assert forewarn("reasons", "set", "strike", "--who", "mara", *arguments)[0] != 0
    assert forewarn("reasons", "list") == (0, "Staff gave no reason.")


def test_the_codes_are_listed_with_what_customers_read(forewarn):
    codes = {row.pop("code"): row for row in json.loads(forewarn("reasons", "codes", "--json")[1])["codes"]}
    assert codes["supplier_late"].keys() == {"en", "pt_BR", "de", "es", "fr"}
    assert codes["supplier_late"]["pt_BR"] == "nosso fornecedor está atrasado"
    assert codes["supplier_late"]["fr"] == "notre fournisseur nous livre plus tard que prévu"
    assert codes["unknown"] == {}
