"""`forewarn send-again`: an order's messages, and one of them once more; `explain`: when orders are checked next."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cli.main import command_line
from models import schedules
from sources.sample import sample_day, write_sample


@pytest.fixture
def forewarn(tmp_path):
    write_sample(tmp_path / "shop", orders=60, seed=7, as_of=sample_day(datetime.now(UTC)))

    def run(*arguments):
        result = CliRunner().invoke(command_line, [*arguments, "--shop", str(tmp_path / "shop")])
        return result.exit_code, str(result.exception or " ".join(result.output.split()))

    assert run("import")[0] == 0
    return run


def test_a_message_is_listed_and_sent_again_to_another_address_once(forewarn, monkeypatch):
    assert forewarn("send-again", "1041", "--list")[1] == "No message of this order can be sent again."
    assert forewarn("send-again", "1041", "--who", "mara")[0] == 1
    with monkeypatch.context() as patch:
        patch.setattr(schedules, "GRACE", timedelta(0))  # however short a while after a start of the schedule this is
        assert "checked next" not in forewarn("explain", "1041")[1]
    assert forewarn("run")[0] == 0
    assert "All orders are checked next on " in forewarn("explain", "1041")[1]
    messages = json.loads(forewarn("send-again", "1041", "--list", "--json")[1])["messages"]
    (mail,) = [one for one in messages if one["by"] == "email"]
    new = ("--message", str(mail["message"]), "--to", "new@example.com", "--who", "mara", "--why", "a typo")
    asked = json.loads(forewarn("send-again", "1041", *new, "--json")[1])
    assert asked["channel"] == "email"
    code, said = forewarn("send-again", "1041", *new)
    assert (code, "It was sent again to this mail address already." in said) == (1, True)
    assert forewarn("send-again", "1041", "--message", "9", "--who", "mara")[0] == 1
    assert forewarn("send-again", "1041", "--by", "post", "--who", "mara")[0] == 2
    assert forewarn("send-again", "none", "--who", "mara")[0] == 1
