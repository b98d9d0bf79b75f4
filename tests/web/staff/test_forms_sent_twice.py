"""Each form of the desk's own pages, sent twice, is one act with one answer."""

import pytest

from tasks.db.sql import read_only
from tasks.staff.audit import entries
from tasks.staff.keys import make_key
from tests.support.desk import PASSWORD, desk_app, desk_client, give_password
from web.staff.desk import Services

FORMS = {
    "invite": (
        "/desk/people/invite",
        "/desk/people/invite",
        {"name": "Jan", "mail": "jan@lamps.example.com", "roles": ["read"]},
    ),
    "roles": ("/desk/people/{mara}/roles?roles=read", "/desk/people/{mara}/roles", {}),
    "password_link": ("/desk/people/{mara}/link", "/desk/people/{mara}/link", {}),
    "password": ("/desk/account/password", "/desk/account/password", {"old": PASSWORD, "new": "a new long password"}),
    "key_made": ("/desk/settings/keys/new", "/desk/settings/keys/new", {"name": "Zendesk"}),
    "key_revoked": ("/desk/settings/keys/{key}/revoke", "/desk/settings/keys/{key}/revoke", {}),
    "webhook_test": ("/desk/settings/webhook/test", "/desk/settings/webhook/test", {}),
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_sent_twice_is_one_act(driver, kind):
    context = driver.context
    app = desk_app(context, services=Services(webhook_host="shop.example.com", send_test=lambda: "took it"))
    ana, mara = (desk_client(context, role, app=app) for role in ("admin", "service"))
    give_password(context, ana.person)
    with context.engine.begin() as connection:
        key = make_key(connection, "Gorgias", "k" * 40, context.started_at, "Ana")
    page, action, fields = FORMS[kind]
    names = {"mara": mara.person.id, "key": key}
    form = ana.form(page.format(**names), action.format(**names))
    first, second = ana.send(form, fields), ana.send(form, fields)
    assert first.status in (200, 303)
    assert (second.status, "409" in second.text) == (first.status, False)
    with read_only(context.engine) as connection:
        assert len(entries(connection, kind=kind)) == 1
