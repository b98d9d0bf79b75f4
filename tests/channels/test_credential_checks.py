"""What holds where a provider is asked whether it accepts the credentials: nothing leaves, and a no is told apart."""

import pytest

from channels.transport import CredentialCheck, LookupUnavailable, TemporaryFailure
from tests.channels.test_lookups import check_question
from tests.channels.test_transports import WAYS, twilio
from tests.support.provider import Answer, Fault

NUMBER = {"sid": "PN1", "phone_number": "+4915100000000", "capabilities": {"sms": True, "voice": False}}
ACCOUNT, NUMBERS = Answer(200, {"sid": "AC1", "status": "active"}), {"incoming_phone_numbers": [NUMBER]}
YES = {
    "sendgrid": (Answer(200, {"scopes": ["alerts.read", "mail.send"]}),),
    "twilio": (ACCOUNT, Answer(200, NUMBERS)),
    "x": (Answer(200, {"data": {"id": "42", "name": "Lamps", "username": "lamps"}}),),
}
SPECS = {
    "sendgrid": ("/scopes",),
    "twilio": ("/2010-04-01/Accounts/{Sid}.json", "/2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers.json"),
    "x": ("/2/users/me",),
}


@pytest.fixture(params=WAYS)
def name(request):
    return request.param


async def checked(transport, provider, *answers):
    """Ask the provider, and return what came back, sentence or exception."""
    provider.answer_with(*answers)
    assert isinstance(transport, CredentialCheck)
    try:
        return await transport.check()
    except (TemporaryFailure, LookupUnavailable) as outcome:
        return outcome
    finally:
        await transport.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sendgrid", "the key may send mail"),
        ("twilio", "the account is active, and +4915100000000 can send texts"),
        ("x", "the account is @lamps"),
    ],
)
async def test_a_provider_that_accepts_the_credentials_says_whose_they_are(name, said, provider):
    assert await checked(WAYS[name].transport(provider.url), provider, *YES[name]) == said


@pytest.mark.filterwarnings("ignore:Unsupported scheme type:UserWarning")
async def test_what_is_asked_is_a_question_that_the_official_description_knows(name, provider):
    await checked(WAYS[name].transport(provider.url), provider, *YES[name])
    assert [one.method for one in provider.requests] == ["GET"] * len(SPECS[name])
    for one, path in zip(provider.requests, SPECS[name], strict=True):
        check_question(WAYS[name], one, path)


SERVICE = "MG" + "0" * 32


async def test_a_messaging_service_is_asked_for_by_its_own_resource(provider):
    said = await checked(twilio(provider.url, SERVICE), provider, ACCOUNT, Answer(200, {"sid": SERVICE}))
    assert said == f"the account is active, and it has the messaging service {SERVICE}"
    assert provider.requests[1].path == f"/v1/Services/{SERVICE}"


async def test_a_messaging_service_that_is_not_there_is_a_fault(provider):
    outcome = await checked(twilio(provider.url, SERVICE), provider, ACCOUNT, Answer(404, {"code": 20404}))
    assert (outcome.reason, outcome.channel_down) == (f"the account has no messaging service {SERVICE}", True)


@pytest.mark.parametrize(
    ("name", "answers", "down"),
    [
        ("sendgrid", [Answer(401, {"errors": [{"message": "authorization required"}]})], True),
        ("sendgrid", [Answer(403)], True),
        ("sendgrid", [Answer(200, {"scopes": ["alerts.read"]})], True),
        ("sendgrid", [Answer(200, {"scopes": []})], True),
        ("twilio", [Answer(401, {"code": 20003, "message": "Authenticate"})], True),
        ("twilio", [Answer(200, {"sid": "AC1", "status": "suspended"})], True),
        ("twilio", [ACCOUNT, Answer(200, {"incoming_phone_numbers": []})], True),
        ("twilio", [ACCOUNT, Answer(200, {"incoming_phone_numbers": [NUMBER | {"capabilities": {}}]})], True),
        ("twilio", [ACCOUNT, Answer(200, {"messages": []})], False),
        ("x", [Answer(401, {"title": "Unauthorized"})], True),
        ("x", [Answer(429)], False),
    ],
    ids=repr,
)
async def test_a_no_is_a_fault_and_an_answer_that_settles_nothing_is_none(name, answers, down, provider):
    outcome = await checked(WAYS[name].transport(provider.url), provider, *answers)
    assert (type(outcome), outcome.channel_down) == (TemporaryFailure, down)


async def test_an_x_plan_that_may_read_nothing_is_not_called_wrong(provider):
    assert type(await checked(WAYS["x"].transport(provider.url), provider, Answer(403))) is LookupUnavailable


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(503), Answer(200, "<h1>Not JSON</h1>"), Answer(200, {}), Answer(204), Answer(429),
     Fault.RESET, Fault.SILENCE, Fault.GARBAGE, Fault.HALF],
    ids=repr,
)  # fmt: skip
async def test_an_answer_that_is_none_is_neither_yes_nor_no(name, answer, provider):
    outcome = await checked(WAYS[name].transport(provider.url), provider, answer)
    assert (type(outcome), outcome.channel_down) == (TemporaryFailure, False)
