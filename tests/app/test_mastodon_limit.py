"""The longest post of the shop's own server on Mastodon is asked once a day, and a page never waits for long."""

import asyncio

import pytest

from app.mastodon_limit import KNOWN_FOR, UNKNOWN_FOR, MastodonLimit


class Asked(MastodonLimit):
    """A server that answers in turn, and a clock that is set."""

    def __init__(self, *answers):
        self.now, self.answers = 0.0, list(answers)
        super().__init__("https://social.example", "token", clock=lambda: self.now)

    async def _ask(self):
        return self.answers.pop(0)


def test_it_is_asked_once_a_day_and_sooner_where_it_did_not_answer():
    limit = Asked(None, 5_000, None, 1_000)
    assert (limit(), limit()) == (None, None)
    limit.now += UNKNOWN_FOR
    assert (limit(), limit()) == (5_000, 5_000)
    limit.now += KNOWN_FOR
    assert limit() == 5_000
    limit.now += UNKNOWN_FOR
    assert limit() == 1_000


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:1"])
def test_a_server_that_is_not_there_leaves_the_usual_limit(url):
    assert asyncio.run(MastodonLimit(url, "token")._ask()) is None
