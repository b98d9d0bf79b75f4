"""How a request gets to its vendor: files that are whole, signed posts, and what may be tried again."""

import base64
import email
import email.policy
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import asyncssh
import pytest
from pydantic import SecretStr, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from app.vendor_transports import keys_of, response_keys, secret_problem
from channels.email.sendgrid import SendGridTransport
from channels.local.outbox import LocalOutbox, location_of
from channels.signatures import BadSignature, is_secret, sign, verify
from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from channels.vendors.folder import FolderTransport
from channels.vendors.http import VendorHttpTransport
from channels.vendors.mail import VendorMailTransport
from channels.vendors.sftp import SftpTransport
from models.config.settings import Settings
from models.config.shop import Sender, ShopConfig
from models.enums import Channel
from models.errors import ForewarnError
from models.messages import Attachment, Message
from models.purchasing import Document
from tests.channels.test_transports import WAYS, check
from tests.support.buying import SECRET
from tests.support.provider import Answer, Fault
from tests.support.shop_driver import SHOP

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
KEY = "planted-vendor-key-1"

OTHER_SECRET = f"whsec_{base64.b64encode(b'planted-another-vendors-1').decode()}"
ROWS = b'"request","order"\r\n"r-1","Gr\xc3\xbc\xc3\x9fe"\r\n'
CSV = Document("r-1", Attachment("request.csv", "text/csv", ROWS), "Request r-1", "Please send us.\n")
JSON = Document("r-1", Attachment("request.json", "application/json", b'{"request": "r-1"}'), "", "")
SENDER = Sender(name="Tea & Co", email="shop@example.com")


async def test_a_folder_gets_a_whole_file_named_by_the_request_and_the_same_file_when_it_comes_again(tmp_path):
    transport = FolderTransport(tmp_path / "in")
    assert (await transport.send(CSV)).reference == (await transport.send(CSV)).reference == "r-1.csv"
    assert [(file.name, file.read_bytes()) for file in (tmp_path / "in").iterdir()] == [("r-1.csv", ROWS)]


async def test_a_folder_that_cannot_be_written_keeps_the_request_until_somebody_mends_it(tmp_path):
    (tmp_path / "in").write_text("no folder")
    with pytest.raises(TemporaryFailure) as raised:
        await FolderTransport(tmp_path / "in").send(CSV)
    assert raised.value.channel_down


async def posted(provider, *answers, now=NOW):
    provider.answer_with(*answers)
    transport = VendorHttpTransport(f"{provider.url}/orders", SECRET, now=lambda: now, timeout=0.3)
    try:
        return await transport.send(JSON)
    except (PermanentFailure, TemporaryFailure, OutcomeUnknown) as outcome:
        return outcome
    finally:
        await transport.close()


async def test_a_post_has_the_requests_id_and_a_signature_that_standard_webhooks_verifies(provider):
    now = datetime.now(timezone(timedelta(hours=-3)))
    receipt = await posted(provider, Answer(201, {"reference": "PO-7"}), now=now)
    (asked,) = provider.requests
    assert (receipt.reference, asked.path, asked.body) == ("PO-7", "/orders", b'{"request": "r-1"}')
    assert (asked.headers["webhook-id"], asked.headers["Content-Type"]) == ("r-1", "application/json")
    assert asked.headers["webhook-timestamp"] == str(int(now.timestamp()))
    headers = {name: asked.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    assert Webhook(SECRET).verify(asked.body, headers) == {"request": "r-1"}
    for secret, body in ((OTHER_SECRET, asked.body), (SECRET, asked.body + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


@pytest.mark.parametrize(
    ("answer", "outcome", "down"),
    [
        (Answer(400, {"error": "no such\nproduct"}), PermanentFailure, None),
        (Answer(401), TemporaryFailure, True),
        (Answer(404), TemporaryFailure, True),
        (Answer(408), TemporaryFailure, False),
        (Answer(409), TemporaryFailure, False),
        (Answer(422), PermanentFailure, None),
        (Answer(429, "", {"Retry-After": "7"}), TemporaryFailure, False),
        (Answer(302, "", {"Location": "/elsewhere"}), TemporaryFailure, True),
        (Answer(500), OutcomeUnknown, None),
        (Answer(503), OutcomeUnknown, None),
        *((fault, OutcomeUnknown, None) for fault in Fault),
    ],
)
async def test_what_a_vendor_answers_means_taken_never_later_or_in_doubt(provider, answer, outcome, down):
    got = await posted(provider, answer)
    assert type(got) is outcome
    assert getattr(got, "channel_down", None) is down
    assert "\n" not in str(got)
    assert SECRET not in str(got)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("body", ["thanks", [1], {}])
async def test_a_success_needs_no_words(provider, body):
    assert (await posted(provider, Answer(200, body))).reference == "r-1"


HTTP = {"by": "http", "url": "https://vendor.example.com/orders"}
GOOD = sign(SECRET, "m-1", "{}", NOW)
LATER, EARLIER = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)


@pytest.mark.parametrize(("now", "good"), [(NOW, True), (LATER, True), (EARLIER, True)])
def test_a_signature_holds_for_five_minutes_on_either_side(now, good):
    assert verify(SECRET, GOOD, "{}", now) == "m-1"
    for beyond in (LATER + timedelta(seconds=1), EARLIER - timedelta(seconds=1)):
        with pytest.raises(BadSignature, match="five minutes off"):
            verify(SECRET, GOOD, "{}", beyond)


def signature(secret=SECRET, body="{}", key="m-1", now=NOW):
    """Sign as the library does."""
    return {"webhook-signature": Webhook(secret).sign(key, now, body)}


FORGED = {
    "no headers": dict.fromkeys(GOOD, ""),
    "no id": {"webhook-id": ""},
    "no timestamp": {"webhook-timestamp": ""},
    "no signature": {"webhook-signature": ""},
    "an id with a space": {"webhook-id": "m 1"} | signature(key="m 1"),
    "an id that never ends": {"webhook-id": "m" * 201} | signature(key="m" * 201),
    "another id": {"webhook-id": "m-2"},
    "another second": {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
    "a timestamp that is no number": {"webhook-timestamp": "now"},
    "a timestamp with a fraction": {"webhook-timestamp": f"{NOW.timestamp():.1f}"},
    "a timestamp beyond time": {"webhook-timestamp": "9" * 15},
    "a signature that is cut off": {"webhook-signature": GOOD["webhook-signature"][:-1]},
    "a signature that is none": {"webhook-signature": "v1"},
    "a signature that is not ASCII": {"webhook-signature": "v1,\xe9"},
    "another version": {"webhook-signature": GOOD["webhook-signature"].replace("v1", "v2")},
    "another secret": signature(OTHER_SECRET),
    "another body": signature(body="{} "),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_forged_message_is_refused(change):
    with pytest.raises(BadSignature, match=r"is right|are right|how to sign|five minutes off") as raised:
        verify(SECRET, GOOD | change, "{}", NOW)
    assert SECRET not in str(raised.value)


def test_one_of_several_signatures_is_enough_while_a_secret_is_replaced():
    both = " ".join(signature(secret)["webhook-signature"] for secret in (OTHER_SECRET, SECRET))
    for secret in (SECRET, OTHER_SECRET):
        assert verify(secret, GOOD | {"webhook-signature": f"v1a,AAAA {both}"}, "{}", NOW) == "m-1"


@pytest.mark.parametrize("body", ["{}", "", '{"name": "Grüße, 東京 😀"}', "a\r\nb", "\0"])
def test_what_the_library_signs_is_verified_and_what_is_signed_the_library_verifies(body):
    now = datetime.now(UTC)
    theirs = sign(SECRET, "m.1", body, now) | signature(body=body, key="m.1", now=now)
    assert theirs == sign(SECRET, "m.1", body, now)
    assert verify(SECRET, theirs, body, now) == "m.1"
    Webhook(SECRET).verify(body, theirs, json_parse=False)


def written(length):
    return f"whsec_{base64.b64encode(b'x' * length).decode()}"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (SECRET, True),
        (written(23), False),
        (written(24), True),
        (written(64), True),
        (written(65), False),
        (written(24).removeprefix("whsec_"), False),
        (written(25).rstrip("="), False),
        ("planted-vendor-key-1", False),
        ("whsec_", False),
        ("whsec_not base64, but long enough to be one", False),
        ("whsec_é", False),
        ("", False),
    ],
)
def test_a_secret_for_http_has_the_form_of_standard_webhooks(text, good):
    assert is_secret(text) is good
    way = ShopConfig.model_validate(SHOP.model_dump(exclude_unset=True) | {"vendor": {"v1": HTTP}}).vendor["v1"]
    problem = secret_problem("v1", way, text)
    assert (problem == "") is good
    if not good:
        assert "FOREWARN_VENDOR_KEYS" in problem
        assert "whsec_ and the base64 of 24 to 64 random bytes is right" in problem
        assert not text.removeprefix("whsec_") or text.removeprefix("whsec_") not in problem


class Vendor(asyncssh.SSHServer):
    """A vendor's SFTP server with one user, whose password is KEY."""

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("shop", KEY)


class Files(asyncssh.SFTPServer):
    """Its files; it hangs up after it took one whose name says so."""

    def posix_rename(self, oldpath, newpath):
        super().posix_rename(oldpath, newpath)
        if b"hang-up" in newpath:
            self.channel.get_connection().abort()


@pytest.fixture(scope="module")
def host_key():
    return asyncssh.generate_private_key("ssh-ed25519")


def public(key):
    return key.export_public_key().decode().strip()


@pytest.fixture
async def sftp(tmp_path, host_key):
    """Run a vendor's SFTP server; yield a function that opens a transport to it."""
    root = tmp_path / "sftp"
    (root / "in").mkdir(parents=True)
    mine = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "keys").write_text(public(mine) + "\n")
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Vendor, server_host_keys=[host_key], allow_scp=False,
        sftp_factory=lambda channel: Files(channel, chroot=os.fsencode(root)),
        authorized_client_keys=str(tmp_path / "keys"),
    )  # fmt: skip

    def transport(secret=KEY, folder="/in", known=None):
        words = (known or public(host_key)).split()[:2]
        return SftpTransport("127.0.0.1", server.get_port(), "shop", folder, " ".join(words), secret, timeout=5)

    transport.root, transport.private_key = root, mine.export_private_key().decode()
    yield transport
    server.close()
    await server.wait_closed()


async def test_a_file_arrives_whole_by_sftp_and_takes_its_own_place_when_it_comes_again(sftp):
    for secret in (KEY, sftp.private_key):
        assert (await sftp(secret).send(CSV)).reference == "r-1.csv"
    assert [(file.name, file.read_bytes()) for file in (sftp.root / "in").iterdir()] == [("r-1.csv", ROWS)]


@pytest.mark.parametrize(
    "how",
    [{"secret": "another password"}, {"secret": "-----BEGIN nonsense"}, {"folder": "/none"},
     {"known": public(asyncssh.generate_private_key("ssh-ed25519"))}],
)  # fmt: skip
async def test_another_server_a_wrong_secret_or_no_folder_stop_the_vendor_and_leave_nothing_there(sftp, how):
    with pytest.raises(TemporaryFailure) as raised:
        await sftp(**how).send(CSV)
    assert raised.value.channel_down
    assert KEY not in str(raised.value)
    assert [file for file in sftp.root.rglob("*") if file.is_file()] == []


async def test_an_sftp_server_that_is_away_has_certainly_not_taken_the_file(host_key):
    with pytest.raises(TemporaryFailure) as raised:
        await SftpTransport("127.0.0.1", 1, "shop", ".", public(host_key), KEY, timeout=1).send(CSV)
    assert not raised.value.channel_down


async def test_a_line_that_breaks_while_the_file_is_renamed_leaves_it_in_doubt(sftp):
    with pytest.raises(OutcomeUnknown):
        await sftp().send(replace(CSV, id="hang-up"))
    assert [file.name for file in (sftp.root / "in").iterdir()] == ["hang-up.csv"]


async def test_a_mail_carries_the_file_as_it_is(tmp_path):
    transport = VendorMailTransport(LocalOutbox(tmp_path, SENDER), "orders@vendor.example.com", "Vendor & Sons")
    await transport.send(CSV)
    place = location_of(tmp_path, Message("r-1", Channel.EMAIL, "", ""))
    mail = email.message_from_bytes(place.with_suffix(".eml").read_bytes(), policy=email.policy.default)
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_payload(decode=True)) == (
        "request.csv",
        "text/csv",
        ROWS,
    )
    assert mail.get_body(("plain",)).get_content() == "Please send us.\n"
    assert not any(part.defects for part in mail.walk())
    assert json.loads(place.with_suffix(".json").read_text())["attachments"] == ["request.csv"]


async def test_sendgrid_gets_the_file_as_its_official_description_asks(provider):
    provider.answer_with(Answer(202, "", {"X-Message-Id": "sg-1"}))
    transport = SendGridTransport("SG.planted-key", SENDER, url=provider.url, timeout=1)
    await VendorMailTransport(transport, "orders@vendor.example.com", "Vendor & Sons").send(CSV)
    await transport.close()
    (asked,) = provider.requests
    (file,) = json.loads(asked.body)["attachments"]
    assert (base64.b64decode(file["content"]), file["filename"], file["type"]) == (ROWS, "request.csv", "text/csv")
    check(WAYS["sendgrid"], asked)


@pytest.mark.parametrize(
    ("transport", "said"),
    [
        ({"by": "fax"}, "'mail', 'folder', 'sftp', 'http'"),
        ({"by": "mail", "to": "vendor"}, "email address"),
        ({"by": "folder"}, "Field required"),
        ({"by": "folder", "path": "in", "format": "xml"}, "'csv' or 'json'"),
        ({"by": "http", "url": "http://vendor.example.com"}, "https://"),
        ({"by": "http", "url": "https://me:secret@vendor.example.com"}, "FOREWARN_VENDOR_KEYS"),
        ({"by": "http", "url": "https://"}, "https://"),
        ({"by": "http", "url": "https://[::1"}, "https://"),
        ({"by": "sftp", "host": "h", "user": "u"}, "Field required"),
        ({"by": "sftp", "host": "h", "user": "u", "host_key": "ssh-ed25519 AAAA"}, "ssh-keyscan"),
        ({"by": "sftp", "host": "h", "user": "u", "host_key": "secret"}, "ssh-keyscan"),
    ],
)
def test_a_vendor_in_shop_toml_that_cannot_be_is_refused_with_what_would_be_right(transport, said):
    with pytest.raises(ValidationError) as raised:
        ShopConfig.model_validate(SHOP.model_dump(exclude_unset=True) | {"vendor": {"v1": transport}})
    assert said in str(raised.value)


def keys(text):
    return Settings(vendor_keys=SecretStr(text))


def test_the_secrets_of_vendors_are_read_by_vendor_and_answers_may_have_their_own():
    given = keys(json.dumps({"v1": SECRET, "v2": "an sftp password", "v2/answers": OTHER_SECRET, "v3": "too short"}))
    assert keys_of(given)["v2"] == "an sftp password"
    assert response_keys(given) == {"v1": SECRET, "v2": OTHER_SECRET}
    assert keys_of(Settings(vendor_keys=None)) == {}


def test_a_secret_of_answers_in_another_form_is_named_and_not_shown():
    with pytest.raises(
        ForewarnError, match=r"the secret of v2/answers has another form; whsec_ and the base64"
    ) as raised:
        response_keys(keys(json.dumps({"v1": SECRET, "v2/answers": KEY})))
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("text", ["planted", '["planted"]', '{"v1": ["planted"]}', '{"v1": 5}', ""])
def test_secrets_that_cannot_be_read_are_named_and_not_shown(text):
    with pytest.raises(ForewarnError, match="FOREWARN_VENDOR_KEYS") as raised:
        keys_of(keys(text))
    assert "planted" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
