"""Every route of the desk for every role, for nobody and for a removed person: what is not allowed is denied.

The routes are those that the desk has registered, so that none can be left out.
"""

import re

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from models.staff import RIGHTS, Person, Right, Role
from tasks.staff.accounts import remove_person
from tests.support.desk import DeskClient, desk_app, desk_client
from tests.support.web_client import FORM
from web.staff.addresses import DESK
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import FormSigner
from web.staff.site import build_desk

REFUSED = 403
OPEN = {"/sign-in", "/password/{token}", "/static/ui.css", "/static/desk.css", "/static/ui.js"}
"""All that nobody needs to sign in for."""


def path_of(route):
    return DESK + re.sub(r"\{\w+\}", "7", route.path)


def methods_of(route):
    return [name for name, answer in (("GET", route.get), ("POST", route.post)) if answer]


@pytest.fixture
def desk(driver) -> Desk:
    return build_desk(driver.context, lambda: driver.context.started_at)


def form_of(route):
    """Return the page whose form is sent to a route."""
    path = path_of(route)
    return path.rpartition("/")[0] if route.previews else path


def ask(client, method, route):
    if method == "GET":
        return client.get(path_of(route))
    return client.post_raw(path_of(route), {"form": FormSigner(client.token or "x").sign(form_of(route))})


@pytest.mark.parametrize("role", [None, *Role])
def test_each_role_may_do_what_its_rights_say_and_nothing_else(driver, desk, role):
    client = desk_client(driver.context, *([role] if role else []))
    person = Person("", "", "", frozenset([role] if role else []))
    asked = 0
    for route in desk.routes:
        for method in methods_of(route):
            if path_of(route) == "/desk/sign-out":
                continue
            allowed = person.may(route.needs(method))
            status = ask(client, method, route).status
            if not allowed:
                assert status == REFUSED, f"{role} {method} {route.path}"
            else:
                assert status < 500, f"{role} {method} {route.path}"
                assert status != REFUSED or route.path == "/log/{entry}/undo", f"{role} {method} {route.path}"
            asked += 1
    assert asked > 20


def test_nobody_gets_in_anywhere(driver, desk):
    client = DeskClient(desk_app(driver.context), None)
    for route in desk.routes:
        for method in methods_of(route):
            answer = ask(client, method, route)
            if method == "GET":
                assert answer.status == 303, route.path
                assert answer.location.startswith("/desk/sign-in")
            else:
                assert answer.status == 401, route.path


def test_a_removed_person_gets_in_nowhere(driver, desk):
    client = desk_client(driver.context, "admin")
    desk_client(driver.context, "admin")
    with driver.context.engine.begin() as connection:
        remove_person(connection, client.person.id, driver.context.started_at)
    for route in desk.routes:
        for method in methods_of(route):
            assert ask(client, method, route).status in (303, 401), route.path


def test_no_form_of_another_site_page_or_session_is_taken(driver, desk):
    app = desk_app(driver.context)
    client, other = (desk_client(driver.context, "admin", app=app) for _ in range(2))
    for route in (each for each in desk.routes if each.post):
        path = path_of(route)
        own = {"form": FormSigner(client.token).sign(form_of(route))}
        strangers = [
            client.post_raw(path, own, {"Sec-Fetch-Site": "cross-site"}),
            client.post_raw(path, own, {"Sec-Fetch-Site": "same-site"}),
            client.post_raw(path, own, {"Origin": "https://elsewhere.example.com"}),
            client.post_raw(path, {}),
            client.post_raw(path, {"form": "forged"}),
            client.post_raw(path, {"form": FormSigner(client.token).sign(f"{path}/other")}),
            other.post_raw(path, own),
        ]
        assert [each.status for each in strangers] == [REFUSED] * len(strangers), route.path


def test_the_pages_that_need_no_sign_in_are_these(desk):
    assert {route.path for route in desk.open_routes} == OPEN


def test_a_route_without_a_right_cannot_be_built():
    with pytest.raises(TypeError, match="needs a right"):
        StaffRoute("/x", None, print)
    with pytest.raises(TypeError, match="needs a right"):
        StaffRoute("/x", Right.SEE, print, print, "act")
    with pytest.raises(TypeError, match="GET, POST"):
        StaffRoute("/x", Right.SEE, None)


def test_rights_are_given_as_the_table_says():
    assert {role: sorted(rights) for role, rights in RIGHTS.items()} == {
        "read": ["see"],
        "service": ["act", "see"],
        "marketing": ["publish", "see"],
        "admin": ["act", "administer", "publish", "see"],
    }


def test_a_page_that_is_not_there_and_a_method_that_is_not_known_are_said(driver):
    client = desk_client(driver.context, "read")
    assert client.get("/desk/nothing").status == 404
    assert client._web.ask("DELETE", "/desk/log").status == 405
    assert client.post_raw("/desk/log", {}, FORM).status in (403, 405)


def test_a_refusal_says_who_can_help(driver):
    desk_client(driver.context, "admin", name="Ana")
    page = desk_client(driver.context, "service").get("/desk/people")
    assert page.status == 403
    assert "This needs the role admin. Ask Ana (admin)." in page.text


def test_a_fault_of_ours_has_a_reference_and_shows_nothing_of_it(driver, desk, caplog):
    def fail(_):
        raise RuntimeError("a secret detail")

    desk.add([StaffRoute("/fails", Right.SEE, fail)])
    client = desk_client(driver.context, "read", app=Starlette(routes=[Mount("/desk", desk)]))
    page = client.get("/desk/fails")
    assert page.status == 500
    assert "a secret detail" not in page.html
    (reference,) = re.findall(r"reference: (\w{8})", page.text)
    assert reference in caplog.text


def test_an_id_in_a_path_may_have_any_character(driver, desk):
    desk.add([StaffRoute("/echo/{order}/hold", Right.SEE, lambda visit: PlainTextResponse(visit.path("order")))])
    client = desk_client(driver.context, "read", app=Starlette(routes=[Mount("/desk", desk)]))
    for typed, meant in {"a%2Fb": "a/b", "%E2%82%AC%20x": "€ x", "a%252Fb": "a%2Fb", "%3F%23": "?#"}.items():
        assert client.get(f"/desk/echo/{typed}/hold").html == meant
    assert client.get("/desk/echo/a/b/hold").status == 404


def test_every_answer_has_the_headers(driver):
    client = desk_client(driver.context, "read")
    nobody = DeskClient(client.app, None)
    for answer in (client.get("/desk"), client.get("/desk/x"), nobody.get("/desk"), nobody.get("/desk/sign-in")):
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "same-origin"
