"""What the commands print: tables as wide as a terminal, or a line for each row in a file; help in parts."""

import pytest
import typer

from cli.console import print_pairs, print_table
from cli.main import PARTS, command_line

LONG = "38 days late, promised to ship by 17 November, now expected on 25 December, and told by mail and by text"
ROWS = [{"order": "1041", "why": LONG}, {"order": "1042", "why": "on time"}]


def test_a_file_has_each_row_in_one_line_without_padding(capsys):
    print_table(ROWS, nothing="")
    print_pairs([("Held", LONG), ("Day", "today")])
    assert capsys.readouterr().out.splitlines() == [
        "order  why",
        f"1041   {LONG}",
        "1042   on time",
        f"Held  {LONG}",
        "Day   today",
    ]


def test_a_width_that_was_asked_for_holds(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    print_table(ROWS, nothing="")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > len(ROWS) + 1
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("odd", ["a\x1b[31mb", "[bold]c[/]", "d\u2028e"])
def test_foreign_text_stays_text(odd, capsys):
    print_table([{"name": odd}], nothing="")
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.count("\n") == 2


def test_the_help_lists_each_command_in_a_part():
    commands = typer.main.get_command(command_line).commands
    assert len(commands) > len(PARTS)
    assert [name for name, command in commands.items() if command.rich_help_panel not in PARTS] == []
