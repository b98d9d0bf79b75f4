"""Sign in to the desk by the company's OpenID provider: who is let in, and which tokens are not believed."""

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from app.company_sign_in import CompanySignInSettings, company_sign_in
from models.config.settings import GivenSettings
from models.errors import ForewarnError
from models.staff import Role
from tasks.db.sql import read_only
from tasks.staff.accounts import add_person, list_accounts
from tasks.staff.audit import entries
from tests.support.desk import DeskClient, desk_app, desk_client, give_password
from tests.support.oidc import CLIENT, SECRET, Company, query_of
from tests.support.web_client import WebClient
from web.staff.desk import Services
from web.staff.oidc import COOKIE

pytestmark = pytest.mark.sqlite_suffices(
    "tokens and redirects; what the ledger keeps of them is tested on both databases"
)

ROLES = {"support": frozenset({Role.SERVICE}), "bosses": frozenset({Role.ADMIN})}


@pytest.fixture(scope="module")
def provider():
    with Company().open() as company:
        yield company


class Desk:
    """The desk of a shop whose people sign in at their company's."""

    def __init__(self, driver, provider, **settings):
        self.context, self.provider = driver.context, provider
        given = {"roles_claim": "", "roles": {}} | settings
        company = CompanySignInSettings(
            provider.issuer, CLIENT, SECRET, "Lamps & Co", "http://127.0.0.1", timeout=5, **given
        )
        self.app = desk_app(self.context, services=Services(company=company))
        self.web = WebClient(self.app)

    def invite(self, mail="mara@company.example.com", roles=(Role.SERVICE,)):
        with self.context.engine.begin() as connection:
            return add_person(connection, "Mara", mail, frozenset(roles), self.context.started_at, "a test")

    def start(self, path="/desk/oidc"):
        answer = self.web.get(path)
        assert answer.status == 303, answer.text
        cookie = answer.headers["set-cookie"].split(";")[0]
        return answer.location, cookie

    def back(self, cookie, **query):
        return self.web.get("/desk/oidc/back?" + str(httpx.QueryParams(query)), Cookie=cookie)

    def sign_in(self, path="/desk/oidc"):
        address, cookie = self.start(path)
        sent_back = httpx.get(address).headers["location"]
        return self.back(cookie, **query_of(sent_back))

    def client(self, answer):
        tokens = [value for value in answer.headers.get_list("set-cookie") if not value.startswith(COOKIE)]
        return DeskClient(self.app, None, tokens[0].partition("=")[2].partition(";")[0])

    def roles(self):
        with read_only(self.context.engine) as connection:
            return {one.person.mail: sorted(one.person.roles) for one in list_accounts(connection)}


@pytest.fixture
def desk(driver, provider):
    provider.changed, provider.signing_key, provider.header = {}, provider.key, {"alg": "RS256", "kid": "1"}
    provider.person = {
        "sub": "u-17", "email": "mara@company.example.com", "email_verified": True, "name": "Mara Lind"
    }  # fmt: skip
    return Desk(driver, provider)


def test_the_sign_in_page_has_a_link_to_the_companys(desk):
    page = desk.web.get("/desk/sign-in?next=/desk/log")
    assert "Sign in with Lamps & Co" in page.text
    assert "/desk/oidc?next=%2Fdesk%2Flog" in [link.get("href") for link in page.tags("a")]


@pytest.mark.both_databases
def test_an_invited_person_is_let_in_where_they_wanted_to_go(desk):
    desk.invite()
    answer = desk.sign_in("/desk/oidc?next=/desk/log")
    assert (answer.status, answer.location) == (303, "/desk/log")
    assert desk.client(answer).get("/desk/log").status == 200
    desk.provider.person = desk.provider.person | {"email": "new-name@company.example.com"}
    assert desk.sign_in().status == 303, "known by who they are, not by their address"


def test_somebody_who_was_not_invited_is_told_so(desk):
    answer = desk.sign_in()
    assert answer.status == 403
    assert "Ask an admin to invite your mail address." in answer.text
    assert desk.roles() == {}


def test_an_address_that_the_company_did_not_verify_takes_no_invitation(desk):
    desk.invite()
    for verified in (False, None, "true"):
        desk.provider.person["email_verified"] = verified
        assert desk.sign_in().status == 403


def test_an_account_with_a_password_is_not_taken_over_by_its_mail_address(desk):
    give_password(desk.context, desk.invite())
    assert desk.sign_in().status == 403


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("nonce", "another"),
        ("nonce", None),
        ("aud", "another client"),
        ("iss", "https://elsewhere.example.com"),
        ("exp", 1_700_000_000),
        ("exp", None),
        ("sub", None),
    ],
)
def test_a_token_with_a_wrong_claim_is_not_believed(desk, claim, value):
    desk.invite()
    desk.provider.changed = {claim: value}
    answer = desk.sign_in()
    assert answer.status == 403
    assert "cannot be trusted" in answer.text


def test_a_token_with_another_key_or_a_shared_secret_is_not_believed(desk):
    desk.invite()
    desk.provider.signing_key = RSAKey.generate_key(2048)
    assert desk.sign_in().status == 403
    desk.provider.signing_key, desk.provider.header = OctKey.import_key(SECRET * 4), {"alg": "HS256"}
    assert desk.sign_in().status == 403


def test_what_comes_back_belongs_to_what_this_browser_started(desk):
    desk.invite()
    address, cookie = desk.start()
    sent_back = query_of(httpx.get(address).headers["location"])
    assert desk.back(cookie, **sent_back | {"state": "another"}).status == 403
    assert desk.back("", **sent_back).status == 403
    assert desk.back(f"{COOKIE}=forged", **sent_back).status == 403
    _, others = desk.start()
    assert desk.back(others, **sent_back).status == 403
    assert desk.back(cookie, state=sent_back["state"], error="access_denied").status == 403
    assert desk.back(cookie, **sent_back).status == 303
    assert desk.back(cookie, **sent_back).status == 403, "a code works once"


def test_the_start_uses_pkce_state_and_nonce_and_a_cookie_no_script_reads(desk):
    first, second = query_of(desk.start()[0]), query_of(desk.start()[0])
    assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))
    attributes = desk.web.get("/desk/oidc").headers["set-cookie"].lower()
    assert all(part in attributes for part in ("httponly", "secure", "samesite=lax", "path=/"))


@pytest.mark.both_databases
def test_a_claim_gives_roles_and_takes_them(driver, provider, desk):
    desk = Desk(driver, provider, roles_claim="groups", roles=ROLES)
    provider.person["groups"] = ["support", "chess club"]
    client = desk.client(desk.sign_in())
    assert desk.roles() == {"mara@company.example.com": ["service"]}
    with read_only(driver.context.engine) as connection:
        (added,) = entries(connection, kind="invite")
    assert f"{added.who} {added.what}" == "Forewarn added Mara Lind as service"
    assert client.get("/desk/people").status == 403
    provider.person["groups"] = ["support", "bosses"]
    assert desk.client(desk.sign_in()).get("/desk/people").status == 200
    assert client.get("/desk").status == 303, "the session with the old roles has ended"
    provider.person["groups"] = ["chess club"]
    assert desk.sign_in().status == 403


@pytest.mark.both_databases
def test_who_has_no_group_any_more_has_no_role_and_no_session(driver, provider, desk):
    desk = Desk(driver, provider, roles_claim="groups", roles=ROLES)
    provider.person["groups"] = ["support"]
    client = desk.client(desk.sign_in())
    assert client.get("/desk").status == 200
    provider.person["groups"] = ["chess club"]
    for _ in range(2):
        assert desk.sign_in().status == 403
    assert desk.roles() == {"mara@company.example.com": []}
    assert client.get("/desk").status == 303


@pytest.mark.both_databases
def test_the_last_admin_stays_one_though_the_company_says_otherwise(driver, provider, desk):
    desk = Desk(driver, provider, roles_claim="groups", roles=ROLES)
    provider.person["groups"] = "bosses"
    desk.sign_in()
    provider.person["groups"] = ["support"]
    assert desk.client(desk.sign_in()).get("/desk/people").status == 200


def test_a_provider_that_does_not_answer_is_a_sentence(driver, provider):
    company = CompanySignInSettings(
        "http://127.0.0.1:9", CLIENT, SECRET, "x", "http://127.0.0.1", roles_claim="", roles={}, timeout=1
    )
    answer = WebClient(desk_app(driver.context, services=Services(company=company))).get("/desk/oidc")
    assert answer.status == 403
    assert "The company's sign-in does not answer." in answer.text


def test_without_a_companys_sign_in_there_is_no_such_page(driver):
    client = desk_client(driver.context, "admin")
    assert client.get("/desk/oidc").status == 404
    assert "Sign in with" not in DeskClient(client.app, None).get("/desk/sign-in").text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "FOREWARN_OIDC_CLIENT_ID"),
        ({"oidc_client_id": "x"}, "FOREWARN_DESK_URL"),
        ({"oidc_client_id": "x", "desk_url": "https://d.example.com", "oidc_roles": "{}"}, "together"),
        (
            {
                "oidc_client_id": "x",
                "desk_url": "https://d.example.com",
                "oidc_roles": '{"a": ["boss"]}',
                "oidc_roles_claim": "groups",
            },
            "roles by group",
        ),
    ],
)
def test_half_a_setting_is_a_sentence(given, said):
    with pytest.raises(ForewarnError, match=said):
        company_sign_in(GivenSettings(oidc_issuer="https://login.example.com", **given))


@pytest.mark.parametrize("url", ["http://desk.example.com", "desk.example.com", "https://d.example.com?x=1"])
def test_people_sign_in_over_tls_alone(url):
    with pytest.raises(ValueError, match="is right"):
        GivenSettings(desk_url=url)
