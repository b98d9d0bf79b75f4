"""What a shop's own script does: one message after the other, by the provider's SDK as its manual shows it."""

from collections.abc import Callable, Sequence
from typing import Any

import tweepy
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Mail
from twilio.rest import Client

from models.messages import Message


def by_sendgrid(url: str, messages: Sequence[Message]) -> None:
    client = SendGridAPIClient("key", host=url)
    for message in messages:
        client.send(Mail("hello@lamps.example.com", message.to, message.subject, message.text, message.html))


def by_twilio(url: str, messages: Sequence[Message]) -> None:
    client = Client("AC1", "token")
    client.api.base_url = url
    for message in messages:
        client.messages.create(to=message.to, from_="+441632960000", body=message.text)


def by_x(url: str, messages: Sequence[Message]) -> None:
    keys = {"consumer_key": "key", "consumer_secret": "secret"}
    client = tweepy.Client(**keys, access_token="token", access_token_secret="secret")  # noqa: S106 - nobody's
    client.session.mount("https://", _Elsewhere(url))
    for message in messages:
        client.create_tweet(text=message.text)


class _Elsewhere(HTTPAdapter):
    """Send to another host: X's is written into tweepy."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: PreparedRequest, *given: Any, **options: Any) -> Response:
        request.url = f"{self._url}{request.path_url}"
        return super().send(request, *given, **options)


LOOPS: dict[str, Callable[[str, Sequence[Message]], None]] = {
    "sendgrid": by_sendgrid,
    "twilio": by_twilio,
    "x": by_x,
}
