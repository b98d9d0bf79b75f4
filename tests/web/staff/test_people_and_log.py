"""People and the log: who is invited, changed and removed, and what is written down about it for good."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DBAPIError

from models.errors import ForewarnError
from models.staff import Right, Role
from tasks.db.sql import read_only
from tasks.staff.accounts import change_roles, list_accounts, remove_person
from tasks.staff.audit import AlreadyDone, AlreadyUndone, entries, load_entry, mark_undone, record
from tasks.staff.links import make_link, open_link
from tasks.tables import AUDIT_ENTRIES
from tests.support.clocks import MovedClock
from tests.support.desk import DeskClient, cookie_of, desk_app, desk_client, give_password
from tests.support.shop_driver import noon
from web.staff.desk import Services
from web.staff.undo import UNDO, UNDO_RIGHTS

pytestmark = pytest.mark.sqlite_suffices(
    "its queries run on both databases in test_every_route.py and in the tests of what it calls"
)

INVITE = "/desk/people/invite"
PASSWORD = "a new long password"


class Office:
    """Two people at work, with a clock: an admin and an agent."""

    def __init__(self, driver):
        self.context, self.clock = driver.context, MovedClock(noon(0))
        self.app = desk_app(self.context, self.clock)
        self.ana, self.mara = self.join("admin", name="Ana"), self.join("service", name="Mara")
        give_password(self.context, self.ana.person)

    def join(self, *roles, name):
        return desk_client(self.context, *roles, now=self.clock, app=self.app, name=name)

    def said(self):
        with read_only(self.context.engine) as connection:
            return [f"{entry.who} {entry.what}" for entry in entries(connection)]

    def record(self, **changed):
        given = {"kind": "hold", "subject_kind": "order", "subject": "1041", "what": "held order 1041"}
        with self.context.engine.begin() as connection:
            who = {"at": self.clock(), "who": "Mara", "person_id": self.mara.person.id}
            return record(connection, **who | given | changed)


@pytest.fixture
def office(driver):
    return Office(driver)


def link_on(page):
    address = page.html.split('copied">')[1].split("<")[0]
    assert address.startswith("http://127.0.0.1/desk/password/")
    return address.removeprefix("http://127.0.0.1")


def new_person(office, mail="jan@lamps.example.com", roles=("service",)):
    return office.ana.post(INVITE, {"name": "Jan", "mail": mail, "roles": list(roles)})


@pytest.mark.both_databases
def test_an_invited_person_sets_a_password_once_and_is_signed_in(office):
    link = link_on(new_person(office))
    nobody = DeskClient(office.app, None)
    assert "jan@lamps.example.com" in nobody.get(link).text
    assert nobody.post_raw(link, {"password": "short"}).status == 422
    assert nobody.post_raw(link, {"password": "aaaaaaaaaaaaaa"}).status == 422
    answer = nobody.post_raw(link, {"password": PASSWORD})
    assert (answer.status, answer.location) == (303, "/desk")
    assert "Jan" in DeskClient(office.app, None, cookie_of(answer)).get("/desk").text
    again = nobody.get(link)
    assert "You are in already" in again.text
    assert "The password for jan@lamps.example.com was set with this link: sign in with it." in again.text
    twice = nobody.post_raw(link, {"password": PASSWORD})
    assert "Jan" in DeskClient(office.app, None, cookie_of(twice)).get("/desk").text
    assert "You are in already" in nobody.post_raw(link, {"password": "other words than before"}).text
    assert nobody.post_raw("/desk/sign-in", {"mail": "jan@lamps.example.com", "password": PASSWORD}).status == 303
    assert "Ana invited Jan as service" in office.said()


def test_who_has_a_used_link_may_guess_its_password_no_oftener_than_any_other(office):
    link = link_on(new_person(office))
    nobody = DeskClient(office.app, None)
    nobody.post_raw(link, {"password": PASSWORD})
    tries = [nobody.post_raw(link, {"password": f"a guess of many words {n}"}).status for n in range(6)]
    assert tries == [200] * 5 + [429]
    assert nobody.post_raw(link, {"password": PASSWORD}).status == 429
    assert office.said().count("Forewarn refused a sign-in as Jan: the password was wrong") == 5
    office.clock.move(minutes=16)
    assert nobody.post_raw(link, {"password": PASSWORD}).status == 303


def test_an_invitation_is_mailed_once_where_mails_arrive(office):
    mails, refusal = [], []

    def send(mail):
        mails.append(mail)
        if refusal:
            raise ForewarnError(refusal[0])

    app = desk_app(office.context, office.clock, Services(send_mail=send, mails_arrive=True))
    ana = desk_client(office.context, "admin", now=office.clock, app=app, name="Ana B")
    form, new = ana.form(INVITE), {"name": "Jan <b>", "mail": "jan@lamps.example.com", "roles": ["service"]}
    page = ana.send(form, new)
    assert "The link was mailed to jan@lamps.example.com. If Jan <b> does not find the mail" in page.text
    ana.send(form, new)
    (mail,) = mails
    assert (mail.to, mail.subject) == ("jan@lamps.example.com", "Your account on the desk of Lamps & Co")
    assert f"http://127.0.0.1{link_on(page)}\n" in mail.text
    assert f'<a href="http://127.0.0.1{link_on(page)}">' in mail.html
    assert "Jan &lt;b&gt;" in mail.html
    refusal.append("the relay does not answer")
    page = ana.send(ana.form(INVITE), new | {"mail": "kim@lamps.example.com"})
    assert "The link could not be mailed. The relay does not answer. Pass this link on to Jan <b>" in page.text
    assert link_on(page)


def test_a_double_click_invites_once_and_shows_the_same_link(office):
    form = office.ana.form(INVITE)
    fields = {"name": "Jan", "mail": "jan@lamps.example.com", "roles": ["read"]}
    assert link_on(office.ana.send(form, fields)) == link_on(office.ana.send(form, fields))
    assert office.said() == ["Ana invited Jan as read"]


def test_a_link_ends_after_three_days_and_when_a_new_one_is_made(office):
    link = link_on(new_person(office))
    person = next(one.person for one in _accounts(office) if one.person.name == "Jan")
    newer = link_on(office.ana.post(f"/desk/people/{person.id}/link"))
    nobody = DeskClient(office.app, None)
    assert (nobody.get(link).status, nobody.get(newer).status) == (404, 200)
    office.clock.move(days=3)
    assert nobody.get(newer).status == 404


def _accounts(office):
    with read_only(office.context.engine) as connection:
        return list_accounts(connection)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "", "mail": "jan@lamps.example.com", "roles": ["read"]}, "Enter a name."),
        ({"name": "Jan", "mail": "jan@", "roles": ["read"]}, "Enter a mail address"),
        ({"name": "Jan", "mail": "jan@lamps.example.com", "roles": []}, "Choose at least one role."),
        ({"name": "Jan", "mail": "jan@lamps.example.com", "roles": ["boss"]}, "Choose at least one role."),
        ({"name": "J" * 81, "mail": "jan@lamps.example.com", "roles": ["read"]}, "80 characters"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_said_and_what_was_typed_is_kept(office, fields, said):
    page = office.ana.post(INVITE, fields)
    assert page.status == 422
    assert said in page.text
    assert f'value="{fields["mail"]}"' in page.html


def test_nobody_is_invited_twice(office):
    page = new_person(office, mail=office.mara.person.mail.upper())
    assert page.status == 422
    assert "Mara has this mail address." in page.text


def test_a_change_of_roles_says_what_is_gained_and_lost_and_signs_out(office):
    address = f"/desk/people/{office.mara.person.id}/roles"
    page = office.ana.get(f"{address}?roles=marketing")
    assert "May then write and approve posts, change words and the policy" in page.text
    assert "May no longer act on orders" in page.text
    done = office.ana.follow(office.ana.post(address, {"why": "new job"}, page=f"{address}?roles=marketing"))
    assert "You changed the roles of Mara from service to marketing." in done.text
    assert office.mara.get("/desk").status == 303
    assert office.ana.get(f"{address}?roles=marketing").status == 409


def test_a_removed_person_is_out_and_their_address_can_be_invited_again(office):
    address = f"/desk/people/{office.mara.person.id}/remove"
    done = office.ana.follow(office.ana.post(address))
    assert "You removed Mara from the desk." in done.text
    assert office.mara.get("/desk").status == 303
    assert office.ana.get(address).status == 404
    assert new_person(office, mail=office.mara.person.mail).status == 200


def test_nobody_removes_themselves_or_gives_up_being_admin(office):
    base = f"/desk/people/{office.ana.person.id}"
    assert office.ana.get(f"{base}/remove").status == 409
    answer = office.ana.post(f"{base}/roles", page=f"{base}/roles?roles=read")
    assert answer.status == 409
    assert "You cannot remove yourself" in answer.text


@pytest.mark.both_databases
def test_two_admins_who_remove_each_other_at_once_leave_one(office):
    jan = office.join("admin", name="Jan")
    give_password(office.context, jan.person)

    def remove(person):
        try:
            with office.context.engine.begin() as connection:
                remove_person(connection, person.id, office.clock())
        except ForewarnError:
            return False
        return True

    with ThreadPoolExecutor() as threads:
        assert sorted(threads.map(remove, [office.ana.person, jan.person])) == [False, True]


def test_the_last_admin_stays_though_another_was_invited(office):
    new_person(office, roles=["admin"])
    with office.context.engine.begin() as connection, pytest.raises(ForewarnError, match="the last admin"):
        change_roles(connection, office.ana.person.id, frozenset({Role.READ}))


def test_the_page_warns_while_there_is_one_admin(office):
    assert "There is only one admin." in office.ana.get("/desk/people").text
    give_password(office.context, office.join("admin", name="Jan").person)
    assert "There is only one admin." not in office.ana.get("/desk/people").text


def test_a_person_changes_their_password_and_is_signed_out_elsewhere(office):
    give_password(office.context, office.mara.person)
    other = DeskClient(office.app, None)
    fields = {"mail": office.mara.person.mail, "password": "correct horse battery"}
    other.token = cookie_of(other.post_raw("/desk/sign-in", fields))
    wrong = office.mara.post("/desk/account/password", {"old": "wrong", "new": PASSWORD})
    assert "This is not your password." in wrong.text
    short = office.mara.post("/desk/account/password", {"old": "correct horse battery", "new": "short"})
    assert short.status == 422
    with office.context.engine.begin() as connection:
        make_link(connection, office.mara.person.id, "token", office.clock())
    done = office.mara.post("/desk/account/password", {"old": "correct horse battery", "new": PASSWORD})
    with read_only(office.context.engine) as connection:
        assert open_link(connection, "token", office.clock()) is None
    assert "You changed your own password." in office.mara.follow(done).text
    assert other.get("/desk").status == 303
    assert other.post_raw("/desk/sign-in", fields | {"password": PASSWORD}).status == 303


def test_colours_are_the_persons_own(office):
    office.mara.post("/desk/account/colours", {"scheme": "dark"})
    assert 'data-scheme="dark"' in office.mara.get("/desk").html
    assert "data-scheme" not in office.ana.get("/desk").html
    assert office.mara.post("/desk/account/colours", {"scheme": "pink"}).status == 422


def test_a_person_signs_out_everywhere_else(office):
    give_password(office.context, office.mara.person)
    other = DeskClient(office.app, None)
    fields = {"mail": office.mara.person.mail, "password": "correct horse battery"}
    other.token = cookie_of(other.post_raw("/desk/sign-in", fields))
    office.mara.post("/desk/account/sessions", page="/desk/account")
    assert (office.mara.get("/desk").status, other.get("/desk").status) == (200, 303)


@pytest.mark.both_databases
@pytest.mark.parametrize("column", [column.name for column in AUDIT_ENTRIES.c if column.name != "undone_by"])
def test_the_database_changes_no_entry(office, column):
    number = office.record()
    values = {column: office.clock() + timedelta(1) if column == "at" else {} if column in ("before", "after") else 7}
    if column in ("who", "person_id", "kind", "subject_kind", "subject", "what", "why", "form_id"):
        values = {column: "another"}
    with pytest.raises(DBAPIError, match="only grows"), office.context.engine.begin() as connection:
        connection.execute(update(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.id == number).values(values))


@pytest.mark.both_databases
def test_a_reason_can_only_be_emptied(office):
    number = office.record(why="Nora rang")
    with office.context.engine.begin() as connection:
        connection.execute(update(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.id == number).values(why=""))
    with pytest.raises(DBAPIError, match="only grows"), office.context.engine.begin() as connection:
        connection.execute(update(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.id == number).values(why="Jan rang"))


@pytest.mark.both_databases
def test_the_database_deletes_and_replaces_no_entry(office):
    number = office.record()
    with pytest.raises(DBAPIError, match="only grows"), office.context.engine.begin() as connection:
        connection.execute(delete(AUDIT_ENTRIES))
    with read_only(office.context.engine) as connection:
        row = load_entry(connection, number)
    values = {name: getattr(row, name) for name in row.__slots__} | {"what": "nothing"}
    replaced = insert(AUDIT_ENTRIES).values(values).prefix_with("OR REPLACE", dialect="sqlite")
    with pytest.raises(DBAPIError), office.context.engine.begin() as connection:
        connection.execute(replaced)


@pytest.mark.both_databases
def test_no_entry_is_replaced_by_another_with_the_same_form(office):
    number = office.record(form_id="f1")
    with read_only(office.context.engine) as connection:
        row = load_entry(connection, number)
    values = {name: getattr(row, name) for name in row.__slots__ if name != "id"} | {"what": "nothing"}
    replaced = insert(AUDIT_ENTRIES).values(values).prefix_with("OR REPLACE", dialect="sqlite")
    with suppress(DBAPIError), office.context.engine.begin() as connection:
        connection.execute(replaced)
    assert office.said() == ["Mara held order 1041"]


@pytest.mark.both_databases
def test_an_entry_is_undone_once_and_stays_undone(office):
    number = office.record()
    by = office.record(what="released order 1041", undoes=number)
    with office.context.engine.begin() as connection:
        mark_undone(connection, number, by)
    with pytest.raises(AlreadyUndone), office.context.engine.begin() as connection:
        mark_undone(connection, number, by)
    for value in (None, by):
        with pytest.raises(DBAPIError, match="only grows"), office.context.engine.begin() as connection:
            connection.execute(update(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.id == number).values(undone_by=value))


@pytest.mark.both_databases
def test_a_form_is_one_entry_also_when_sent_at_the_same_time(office):
    def send(_):
        try:
            return office.record(form_id="f1")
        except AlreadyDone as done:
            return -done.entry.id

    with ThreadPoolExecutor(4) as threads:
        numbers = list(threads.map(send, range(4)))
    assert len([number for number in numbers if number > 0]) == 1
    assert len({abs(number) for number in numbers}) == 1


@pytest.mark.both_databases
def test_the_log_is_by_day_and_is_filtered(office):
    office.record(why="he rang", at=office.clock() - timedelta(days=1))
    office.record(kind="date", subject="1059", what="set the expected date of order 1059")
    page = office.ana.get("/desk/log")
    assert "Today, Monday, 15 June" in page.text
    assert "Yesterday, Sunday, 14 June" in page.text
    assert "Mara held order 1041. Why: he rang" in page.text
    assert "1059" not in office.ana.get("/desk/log?order=1041").text.replace("Order 1059", "")
    assert "1041" not in office.ana.get("/desk/log?what=date").text
    assert "Nothing in the log fits." in office.ana.get(f"/desk/log?who={office.ana.person.id}").text
    assert office.ana.get("/desk/log?after=x&who=%00&what=%F0%9F%98%80").status == 200


def test_others_than_admins_see_what_they_did_themselves(office):
    office.record()
    office.record(who="Ana", person_id=office.ana.person.id, what="removed somebody")
    page = office.mara.get(f"/desk/log?who={office.ana.person.id}")
    assert "held order 1041" in page.text
    assert "removed somebody" not in page.text
    assert "removed somebody" not in office.mara.get("/desk/log.csv").html
    assert "removed somebody" in office.ana.get("/desk/log.csv").html


@pytest.mark.both_databases
def test_a_long_log_has_pages(office):
    for n in range(51):
        office.record(what=f"did number {n}.")
    first = office.ana.get("/desk/log")
    assert "did number 50." in first.text
    assert "did number 0." not in first.text
    following = next(a["href"] for a in first.tags("a") if "after=" in a.get("href", ""))
    assert "did number 0." in office.ana.get(following).text
    assert "Back to the first" in office.ana.get(following).text


def test_no_cell_of_the_file_is_a_formula(office):
    office.record(why="=HYPERLINK(1)")
    assert ",'=HYPERLINK(1)" in office.ana.get("/desk/log.csv").html


@pytest.mark.both_databases
def test_an_act_is_undone_from_the_log_by_whoever_may_act(office, monkeypatch):
    def undo(visit, entry, form):
        with visit.writing() as connection:
            given = {"kind": "unhold", "subject_kind": "order", "subject": entry.subject, "undoes": entry.id}
            number = record(connection, **visit.act(form), what="released order 1041 again", **given)
            mark_undone(connection, entry.id, number)
        return number

    monkeypatch.setitem(UNDO, "hold-in-a-test", undo)
    number = office.record(kind="hold-in-a-test")
    address = f"/desk/log/{number}/undo"
    assert "Mara held order 1041." in office.mara.get(address).text
    assert office.join("read", name="Rita").get(address).status == 403
    form = office.mara.form(address)
    done = office.mara.send(form)
    assert done.status == 303
    assert done.location.startswith("/desk/orders/1041?done=")
    assert office.mara.send(form).location == done.location
    late = office.mara.get(address)
    assert late.status == 409
    assert "This was undone before" in late.text
    assert office.mara.get(f"/desk/log/{office.record()}/undo").status == 404
    monkeypatch.setitem(UNDO_RIGHTS, "hold-in-a-test", Right.PUBLISH)
    assert office.mara.get(f"/desk/log/{office.record(kind='hold-in-a-test')}/undo").status == 403


@pytest.mark.parametrize("number", ["0", "x", "99999999999999", "-1", "%00"])
def test_an_entry_that_is_not_there_is_not_found(office, number):
    assert office.ana.get(f"/desk/log/{number}/undo").status == 404


def test_a_notice_is_shown_to_whoever_did_it_and_for_ten_minutes(office):
    number = office.record()
    assert "You held order 1041." in office.mara.get(f"/desk?done={number}").text
    assert "You held order 1041." not in office.ana.get(f"/desk?done={number}").text
    office.clock.move(minutes=10)
    assert "You held order 1041." not in office.mara.get(f"/desk?done={number}").text
