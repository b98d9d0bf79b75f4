"""Sign in to the desk by mail and password, and out: who gets in, for how long, and who is locked out."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from models.staff import Role
from tasks.db.sql import read_only
from tasks.staff.accounts import change_roles, remove_person
from tasks.staff.sessions import IDLE, LONGEST, end_sessions, hashed
from tasks.tables import AUDIT_ENTRIES, STAFF_PERSONS, STAFF_SESSIONS
from tests.support.clocks import MovedClock
from tests.support.desk import PASSWORD, DeskClient, cookie_of, desk_app, desk_client, give_password
from tests.support.passwords import full_cost_hasher
from tests.support.shop_driver import noon
from tests.support.web_client import FORM
from web.staff.desk import Services

pytestmark = pytest.mark.sqlite_suffices(
    "passwords, cookies and headers; a session is kept and a lock counted on both databases"
)

SIGN_IN = "/desk/sign-in"
WRONG = "That mail address and password do not belong together."


class Door:
    """The desk's door, with a person who has a password and a clock that can be moved."""

    def __init__(self, driver):
        self.context, self.clock = driver.context, MovedClock(noon(0))
        self.app = desk_app(self.context, self.clock)
        self.person = desk_client(self.context, "service", now=self.clock, app=self.app).person
        give_password(self.context, self.person)
        self.nobody = DeskClient(self.app, None)

    def sign_in(self, password=PASSWORD, mail=None, client=None, **more):
        fields = {"mail": mail or self.person.mail, "password": password, **more}
        return (client or self.nobody).post_raw(SIGN_IN, fields)

    def client(self, answer):
        return DeskClient(self.app, self.person, cookie_of(answer))

    def rows(self, table):
        with read_only(self.context.engine) as connection:
            return [row._asdict() for row in connection.execute(select(table).order_by(*table.primary_key))]


@pytest.fixture
def door(driver):
    return Door(driver)


@pytest.mark.both_databases
def test_the_right_password_opens_the_desk_at_the_page_that_was_asked_for(door):
    page = door.nobody.get(f"{SIGN_IN}?next=/desk/log")
    assert 'name="next" value="/desk/log"' in page.html
    answer = door.sign_in(next="/desk/log")
    assert (answer.status, answer.location) == (303, "/desk/log")
    assert door.client(answer).get("/desk/log").status == 200


def test_mail_is_read_in_any_case_and_a_password_is_not(door):
    assert door.sign_in(mail=door.person.mail.upper()).status == 303
    assert door.sign_in(PASSWORD.upper()).status == 422


def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(door):
    attributes = {part.strip().lower() for part in door.sign_in().headers["set-cookie"].split(";")[1:]}
    assert attributes == {"path=/", "secure", "httponly", "samesite=lax"}
    assert door.sign_in().headers["set-cookie"].startswith("__Host-")


def test_the_ledger_has_no_token_and_no_password(door):
    token = cookie_of(door.sign_in())
    rows = str(door.rows(STAFF_SESSIONS)) + str(door.rows(STAFF_PERSONS)) + str(door.rows(AUDIT_ENTRIES))
    assert hashed(token) in rows
    assert token not in rows
    assert PASSWORD not in rows


def test_a_wrong_password_and_an_unknown_mail_get_the_same_answer(door):
    wrong = door.sign_in("wrong password")
    unknown = door.sign_in("wrong password", mail="nobody@example.com")
    assert (wrong.status, unknown.status) == (422, 422)
    assert WRONG in wrong.text
    assert wrong.html.replace(door.person.mail, "X") == unknown.html.replace("nobody@example.com", "X")
    assert "set-cookie" not in wrong.headers


def test_a_password_is_checked_for_an_unknown_mail_too(door, monkeypatch):
    checked = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, *given: checked.append(given) or verify(self, *given))
    door.sign_in("wrong password", mail="nobody@example.com")
    assert len(checked) == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example.com",
        "//elsewhere.example.com",
        "/desk\\elsewhere",
        "/deskx",
        "/desk/../x\n",
        "/o/1",
        "",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(door, address):
    location = door.sign_in(next=address).location
    assert location == "/desk" or location.startswith("/desk/../")


def test_a_token_that_the_browser_had_before_is_not_used_after_signing_in(door):
    planted = DeskClient(door.app, None, "planted-by-somebody-else")
    token = cookie_of(door.sign_in(client=planted))
    assert token != "planted-by-somebody-else"
    assert planted.get("/desk").status == 303
    again = cookie_of(door.sign_in(client=DeskClient(door.app, None, token)))
    assert again != token
    assert DeskClient(door.app, None, token).get("/desk").status == 303


@pytest.mark.both_databases
def test_a_session_ends_when_idle_and_at_the_latest_after_two_weeks(door):
    client = door.client(door.sign_in())
    door.clock.move(seconds=IDLE.total_seconds() - 1)
    assert client.get("/desk").status == 200
    door.clock.move(seconds=IDLE.total_seconds())
    assert client.get("/desk").status == 303
    client = door.client(door.sign_in())
    for _ in range(int(LONGEST / timedelta(hours=11)) + 1):
        assert client.get("/desk").status == 200
        door.clock.move(hours=11)
    assert client.get("/desk").status == 303


def test_signing_out_ends_the_session_on_the_server_too(door):
    client = door.client(door.sign_in())
    answer = client.post("/desk/sign-out", page="/desk")
    assert answer.location == SIGN_IN
    assert 'forewarn=""' in answer.headers["set-cookie"]
    assert client.get("/desk").status == 303


@pytest.mark.both_databases
def test_a_removed_person_is_out_at_once_and_cannot_come_back(door):
    client = door.client(door.sign_in())
    with door.context.engine.begin() as connection:
        remove_person(connection, door.person.id, door.clock())
    assert client.get("/desk").status == 303
    assert door.sign_in().status == 422


def test_changed_roles_count_at_once(door):
    client = door.client(door.sign_in())
    with door.context.engine.begin() as connection:
        change_roles(connection, door.person.id, frozenset({Role.ADMIN}))
        end_sessions(connection, door.person.id)
    assert client.get("/desk/people").status == 303


@pytest.mark.both_databases
def test_five_wrong_passwords_lock_an_account_for_a_quarter_of_an_hour(door):
    assert [door.sign_in("wrong password").status for _ in range(6)] == [422] * 5 + [429]
    locked = door.sign_in()
    assert (locked.status, locked.headers["retry-after"]) == (429, "900")
    assert "Try again at 12:15, or ask an admin for help." in locked.text
    door.clock.move(minutes=14, seconds=59)
    assert door.sign_in().status == 429
    door.clock.move(seconds=1)
    assert door.sign_in().status == 303


def test_a_lock_counts_in_another_process_and_for_an_unknown_mail_too(door):
    for _ in range(5):
        door.sign_in("wrong password", mail="nobody@example.com")
    other = DeskClient(desk_app(door.context, door.clock), None)
    assert door.sign_in(mail="nobody@example.com", client=other).status == 429
    assert door.sign_in(client=other).status == 303


def test_the_right_password_forgets_the_wrong_ones_before(door):
    for _ in range(3):
        assert [door.sign_in("wrong password").status for _ in range(4)] == [422] * 4
        assert door.sign_in().status == 303


def test_one_address_cannot_try_many_accounts(door):
    statuses = [door.sign_in("wrong", mail=f"n{n}@example.com").status for n in range(41)]
    assert statuses == [422] * 40 + [429]


def test_what_is_not_filled_in_is_said_and_is_no_try(door):
    page = door.sign_in(" ", mail="")
    assert page.status == 422
    empty = door.nobody.post_raw(SIGN_IN, {})
    assert "Enter your mail address." in empty.text
    assert "Enter your password." in empty.text
    assert "Error: Sign in" in empty.html


@pytest.mark.parametrize("typed", ["10\x0041", "\ud800", "x" * 5000, "%00", "' OR 1=1"])
def test_whatever_is_typed_is_no_error_of_ours(door, typed):
    typed = typed.encode("utf-8", "surrogatepass")
    assert door.sign_in(typed, mail=typed).status == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://elsewhere.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1"}, 303),
    ],
)
def test_nobody_is_signed_in_from_another_site(door, headers, status):
    fields = {"mail": door.person.mail, "password": PASSWORD}
    assert door.nobody.post_raw(SIGN_IN, fields, headers).status == status


def test_a_browser_that_does_not_say_where_a_form_came_from_is_refused(door):
    fields = {"mail": door.person.mail, "password": PASSWORD}
    web = door.nobody._web
    plain = {name: value for name, value in FORM.items() if name != "Sec-Fetch-Site"}
    assert web.post(SIGN_IN, fields, plain).status == 403
    assert web.post(SIGN_IN, fields, plain | {"Origin": "http://127.0.0.1"}).status == 303


@pytest.mark.both_databases
def test_the_log_says_who_signed_in_and_who_was_refused(door):
    door.sign_in("wrong password")
    door.sign_in()
    said = [(row["who"], row["what"]) for row in door.rows(AUDIT_ENTRIES)]
    assert said == [
        ("Forewarn", f"refused a sign-in as {door.person.name}: the password was wrong"),
        (door.person.name, "signed in with another browser"),
    ]


def test_a_proxy_may_give_the_desk_another_host_than_people_use(door):
    services = Services(desk_url="https://desk.example.com")
    nobody = DeskClient(desk_app(door.context, door.clock, services), None)
    fields = {"mail": door.person.mail, "password": PASSWORD}
    assert nobody.post_raw(SIGN_IN, fields, {"Origin": "https://desk.example.com"}).status == 303
    assert nobody.post_raw(SIGN_IN, fields, {"Origin": "https://elsewhere.example.com"}).status == 403


def test_a_hash_of_other_parameters_is_made_anew_at_signing_in(door):
    older = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    with door.context.engine.begin() as connection:
        connection.execute(update(STAFF_PERSONS).values(password_hash=older))
    assert door.sign_in().status == 303
    (person,) = door.rows(STAFF_PERSONS)
    assert person["password_hash"] != older
    assert door.sign_in().status == 303


def test_a_users_process_hashes_with_the_parameters_that_rfc_9106_recommends():
    hasher = full_cost_hasher()
    assert (hasher.type.name, hasher.time_cost, hasher.memory_cost, hasher.parallelism) == ("ID", 3, 64 * 1024, 4)
