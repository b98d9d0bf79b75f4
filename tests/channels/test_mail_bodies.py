"""A mail's body is what SendGrid's own SDK makes of the same message, and what its official description asks for."""

import json
from base64 import b64encode

import pytest
import sendgrid.helpers.mail as sdk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels.email.sendgrid import mail_body, shop_fields
from channels.headers import ascii_address, mail_headers, one_line
from channels.http_client import json_body
from models.config.shop import Sender
from models.enums import Channel
from models.messages import Attachment, Message
from tests.channels.test_transports import WAYS, description

SHOP, DOMAIN = "lantern-loom", "shop.example.com"
ADDRESSES = (
    "anna@example.com",
    "o'brien+tea@shop.example.com",
    "jürgen@example.com",
    "a!#$%&*/=?^_`{|}~-.b@xn--p1ai.com",
)
WORDS = (
    "Your order 7 is late",
    "Größe 7: früher — “sooner”",
    "注文が遅れています 🫖",
    'A "quoted", back\\slashed; <tag>',
    "A\r\nBcc: x",
)
LONG = "Your order of seven kettles ships later. " * 400
ODD = st.text(st.characters())  # half surrogate pairs too
FILE = Attachment("request.csv", "text/csv", b'"line","order"\r\n"1","7"\r\n')


def texts(**size):
    return st.sampled_from([*WORDS, LONG]) | st.text(**size)


def messages(text, **given):
    return st.builds(
        Message,
        id=st.uuids().map(str),
        channel=st.just(Channel.EMAIL),
        to=st.sampled_from(ADDRESSES),
        text=text,
        subject=given.get("subject", text),
        html=given.get("html", st.just("") | text.map("<p>{}</p>".format)),
        to_name=st.just("") | text,
        category=st.sampled_from(["", "week", "back_in_stock"]),
        days_late=st.none() | st.integers(1, 400),
        days_group=st.sampled_from(["", "8 to 14"]),
        follows=st.sampled_from(["", "n-0"]),
        is_answer=st.booleans(),
        attachments=given.get("attachments", st.just(()) | st.just((FILE,))),
    )


senders = st.builds(
    Sender,
    name=texts(min_size=1),
    email=st.sampled_from([*ADDRESSES[:3], "laden@münchen.example.com"]),
    reply_to=st.none() | st.sampled_from([*ADDRESSES[:3], "hilfe@münchen.example.com"]),
)
files = st.builds(Attachment, name=ODD, kind=st.sampled_from(["text/csv", "application/json"]), content=st.binary())


def sdk_body(message, sender, sandbox):
    """Return what SendGrid's SDK makes of a message."""
    mail = sdk.Mail(from_email=sdk.From(ascii_address(sender.email), one_line(sender.name)))
    mail.subject = one_line(message.subject)
    personalization = sdk.Personalization()
    personalization.add_to(sdk.To(message.to, one_line(message.to_name) or None))
    days = None if message.days_late is None else str(message.days_late)
    args = {"notice": message.id, "shop": SHOP, "message": message.category, "days_late": days}
    for name, value in args.items():
        if value:
            personalization.add_custom_arg(sdk.CustomArg(name, value))
    mail.add_personalization(personalization)
    mail.add_content(sdk.Content("text/plain", message.text))
    if message.html:
        mail.add_content(sdk.Content("text/html", message.html))
    days_group = f"{message.days_group} days late" if message.days_group else ""
    for category in reversed(list(filter(None, (SHOP, message.category, days_group)))):  # the SDK puts each before
        mail.add_category(sdk.Category(category))
    for name, value in mail_headers(message, DOMAIN).items():
        mail.add_header(sdk.Header(name, value))
    mail.tracking_settings = sdk.TrackingSettings(click_tracking=sdk.ClickTracking(enable=False, enable_text=False))
    if sandbox:
        mail.mail_settings = sdk.MailSettings(sandbox_mode=sdk.SandBoxMode(enable=True))
    if sender.reply_to:
        mail.reply_to = sdk.ReplyTo(ascii_address(sender.reply_to))
    for file in reversed(message.attachments):  # the SDK puts each before those that it has
        mail.add_attachment(sdk.Attachment(b64encode(file.content).decode(), one_line(file.name), file.kind))
    return mail.get()


@settings(max_examples=300, deadline=None)
@given(messages(texts() | ODD, attachments=st.lists(files, max_size=3).map(tuple)), senders, st.booleans())
@example(Message("n-1", Channel.EMAIL, "a@example.com", ""), Sender(name="\n", email="shop@example.com"), False)
@example(
    Message("n-1", Channel.EMAIL, "a@example.com", "\udcff", subject=LONG, to_name=" ", html="\ud83d"),
    Sender(name="Tea", email="shop@example.com", reply_to="help@example.com"),
    True,
)
def test_a_body_is_that_of_the_providers_sdk(message, sender, sandbox):
    body = mail_body(message, shop_fields(sender, sandbox=sandbox), DOMAIN, SHOP)
    theirs = json.dumps(sdk_body(message, sender, sandbox), sort_keys=True)
    assert json.dumps(body, sort_keys=True) == theirs
    assert json.dumps(json.loads(json_body(body)), sort_keys=True) == theirs


def check(body):
    """Hold a request with a body against SendGrid's official description."""
    from openapi_core.testing import MockRequest

    way = WAYS["sendgrid"]
    request = MockRequest(
        way.served_at, "post", "/v3/mail/send", headers={"Authorization": "Bearer key"}, data=json_body(body),
        content_type="application/json",
    )  # fmt: skip
    description(way.spec, way.path).validate_request(request)


@settings(max_examples=60, deadline=None)
@given(messages(texts(min_size=1), subject=st.sampled_from([*WORDS, LONG])), senders, st.booleans())
def test_a_body_is_what_the_providers_official_description_asks_for(message, sender, sandbox):
    check(mail_body(message, shop_fields(sender, sandbox=sandbox), DOMAIN, SHOP))


@pytest.mark.parametrize(
    "change",
    [
        {"from": {"name": "Tea"}},
        {"subject": ""},
        {"subject": None},
        {"personalizations": [{"custom_args": {"notice": "n-1"}}]},
        {"personalizations": [{"to": [{"name": "Anna"}]}]},
        {"content": [{"type": "text/plain", "value": ""}]},
        {"categories": "week"},
        {"attachments": [{"content": "YQ=="}]},
        {"mail_settings": {"sandbox_mode": {"enable": "yes"}}},
        {"reply_to": {"name": "Help"}},
    ],
    ids=repr,
)
def test_a_body_with_a_fault_is_not_what_the_description_asks_for(change):
    from openapi_core.exceptions import OpenAPIError

    sender = Sender(name="Tea & Co", email="shop@example.com", reply_to="help@example.com")
    body = mail_body(WAYS["sendgrid"].message, shop_fields(sender, sandbox=True), DOMAIN)
    check(body)
    with pytest.raises(OpenAPIError):
        check(body | change)
