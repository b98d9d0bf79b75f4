"""Posts on the desk: the week, the editor with its preview, and what is decided about a post."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import update

from models.enums import Channel, PostState, State
from models.orders import ProductFacts
from models.policy.messaging import PostPolicy
from models.policy.policy import Policy
from tasks.delivery.in_doubt import settle_doubt
from tasks.desk.posts import PostedMessage
from tasks.posts.compose import compose_delay_posts
from tasks.staff.audit import entries
from tasks.tables import OUTBOX
from tests.support.builders import day, line
from tests.support.desk import desk_app, desk_client
from tests.support.shop_driver import customer, noon
from web.staff.post_around import post_link

pytestmark = pytest.mark.sqlite_suffices(
    "its queries run on both databases in test_every_route.py and in the tests of what it calls"
)

LAMP = ProductFacts("P1", "Reading Lamp", "Lamps")
NETWORKS = (Channel.X, Channel.BLUESKY)
SUNDAY = 6
HOUR = {"day": "2026-06-16", "time": "10:00"}


@pytest.fixture
def shop(driver):
    driver.context = replace(
        driver.context,
        policy=Policy(posts=PostPolicy(second_person=True)),
        open_networks=NETWORKS,
        connected_networks=NETWORKS,
    )
    return driver


@pytest.fixture
def people(shop):
    app = desk_app(shop.context, noon(0))
    return [desk_client(shop.context, "marketing", now=noon(0), name=name, app=app) for name in ("Mara", "Jan")]


def place(shop, count=5):
    for n in range(count):
        shop.order(f"{n}", line(promised=-9, product=LAMP), customer=customer(f"c{n}"), placed=-30)


def written(client, text="We are open on Saturday.", **fields):
    """Write a post; return the address of its page."""
    done = client.post("/desk/posts/new", {"text": text, "networks": ["x", "bluesky"]} | fields)
    assert done.status == 303, done.text
    return done.location.partition("?")[0]


def waiting(client, **fields):
    return written(client, do="ask", **fields)


def test_a_week_without_posts_says_what_makes_one_appear(people):
    page = people[0].get("/desk/posts?week=2025-W48")
    assert "No posts this week. A draft appears when 5 or more orders of a product are 4 days late or more" in page.text
    assert "Write a post" in page.text
    assert "Mon 24 Nov 2025 to Sun 30 Nov 2025" in page.text
    assert "There is no week 2025-W60. This week is shown." in people[0].get("/desk/posts?week=2025-W60").text


@pytest.mark.both_databases
def test_a_post_is_written_asked_for_approved_by_a_second_person_and_withdrawn(shop, people):
    mara, jan = people
    path = waiting(mara, **HOUR)
    page = mara.get(path)
    assert "Waits for approval" in page.text
    assert "You wrote or changed it last, so another person approves it. Jan can." in page.text
    assert "Approve for" not in page.text
    assert "To approve (1)" in jan.get("/desk/posts").text
    assert "Approve for Tuesday, 16 June, 10:00 (Berlin)" in jan.get(path).text
    done = jan.post(f"{path}/approve", page=path)
    said = jan.follow(done)
    assert "You approved the post “We are open on Saturday.” for Tuesday, 16 June, 10:00 (Berlin)." in said.text
    assert "Approved for Tue 10:00" in said.text
    assert {row["not_before"] for row in shop.post_messages} == {noon(1) - timedelta(hours=2)}
    week = jan.get("/desk/posts?week=2026-W25")
    assert "Approved for Tue 10:00" in week.text
    assert "X and Bluesky" in week.text
    gone = jan.follow(jan.post(f"{path}/withdraw", {"why": "it rains"}))
    assert "Withdrawn: It rains." in gone.text
    (undo,) = [tag["href"] for tag in gone.tags("a") if tag.get("href", "").endswith("/undo")]
    jan.post(undo)
    assert {row["state"] for row in shop.post_messages} == {State.QUEUED}
    assert "Approved for Tue 10:00" in jan.get(path).text


def test_ones_own_approval_is_refused_also_where_the_form_is_forged(shop, people):
    mara, jan = people
    path = waiting(mara)
    form = jan.form(path, f"{path}/approve")
    form.fields["form"] = [mara.form(path, f"{path}/back").fields["form"][0]]
    assert mara.send(form).status == 403
    token = mara.get(path)
    assert "approve" not in [tag.get("action", "").rpartition("/")[2] for tag in token.tags("form")]
    assert shop.rows(OUTBOX) == []


@pytest.mark.both_databases
def test_an_approval_of_a_text_that_was_changed_meanwhile_is_refused(shop, people):
    mara, jan = people
    path = waiting(mara)
    form = jan.form(path, f"{path}/approve")
    mara.send(mara.form(f"{path}?edit=1", path), {"text": "Changed", "do": "ask"})
    refused = jan.send(form)
    assert refused.status == 409
    assert "Mara changed it meanwhile" in refused.text
    assert shop.rows(OUTBOX) == []


@pytest.mark.both_databases
def test_two_who_edit_at_once_do_not_overwrite_each_other(shop, people):
    mara, jan = people
    path = written(mara)
    forms = [each.form(path) for each in people]
    assert jan.send(forms[1], {"text": "By Jan"}).status == 303
    refused = mara.send(forms[0], {"text": "By Mara"})
    assert (refused.status, shop.posts[0]["text"]) == (409, "By Jan")
    assert "Your change was not saved: Jan changed it meanwhile." in refused.text


def test_a_form_with_a_mistake_does_not_overwrite_what_was_saved_meanwhile_once_it_is_mended(shop, people):
    mara, jan = people
    path = written(mara)
    mine = mara.form(path)
    jan.send(jan.form(path), {"text": "By Jan"})
    wrong = mara.send(mine, {"text": "By Mara", "time": "10:00"})
    assert wrong.status == 422
    (version,) = {tag["value"] for tag in wrong.tags("input") if tag.get("name") == "version"}
    assert version == mine.fields["version"][0]
    assert mara.send(mara.form(path), {"text": "By Mara", "version": version}).status == 409
    assert shop.posts[0]["text"] == "By Jan"


def test_a_long_post_is_kept_whole(shop, people):
    long = "\n".join(["We are open. " * 190, "Truly."])
    path = written(people[0], long, networks=["x"], text_x=f"{long}!")
    assert shop.posts[0]["text"] == "\n".join(line.strip() for line in long.splitlines())
    assert "Truly.!" in people[0].get(path).text


def test_the_log_keeps_no_words_of_a_post_with_a_customers_data(shop, people):
    shop.order("A-1041", customer=customer("c1"))
    mara, _ = people
    path = written(mara, "Sorry about A-1041")
    mara.send(mara.form(path), {"text": "Sorry, A-1041 is late", "do": "ask"})
    mara.post(f"{path}/withdraw", {"why": ""})
    with shop.context.engine.connect() as connection:
        log = entries(connection)
    assert [one.kind for one in log] == ["post_withdrawn", "post_edited", "post_written"]
    assert "A-1041" not in repr(log)
    other = written(mara, "Open")
    mara.send(mara.form(other), {"text": "Open on Sunday"})
    with shop.context.engine.connect() as connection:
        edited = entries(connection)[0]
    assert (edited.before["text"], edited.after["text"]) == ("Open", "Open on Sunday")
    assert edited.what == "changed the post “Open on Sunday”"


def test_a_post_is_sent_back_with_a_note_that_its_author_reads(people):
    mara, jan = people
    path = waiting(mara)
    assert jan.post(f"{path}/back", page=path).status == 422
    jan.post(f"{path}/back", {"note": "say until when"}, page=path)
    page = mara.get(path)
    assert "Sent back: Say until when." in page.text
    assert "Text for all networks" in page.text
    assert "Jan sent it back. Say until when." in page.text


def test_what_keeps_a_post_from_being_approved_is_said_at_the_field_and_the_post_is_kept(shop, people):
    mara, _ = people
    done = mara.post("/desk/posts/new", {"text": "n" * 294, "networks": ["x", "bluesky"], "do": "ask"})
    page = mara.follow(done)
    assert "14 too many for X." in page.text
    assert page.text.startswith("Error: ")
    assert shop.posts[0]["state"] == PostState.DRAFT


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": ""}, "Write the text."),
        ({"day": "2026-06-16"}, "Enter the time, too"),
        ({"time": "10:00"}, "Enter the day, too"),
        ({"day": "2026-06-14", "time": "10:00"}, "This time has passed."),
        (
            {"day": "2027-03-28", "time": "02:30"},
            "On Sun 28 Mar 2027 clocks skip 02:30. The next time that they show is 03:00.",
        ),
        ({"day": "2026-06-16", "time": "25:00"}, "Enter a time, such as 10:00."),
        ({"product": "a lamp that nobody sells"}, "There is no product “a lamp that nobody sells”."),
        ({"kind": "late"}, "Name the product of which it says so."),
    ],
)
def test_what_is_wrong_in_the_form_is_said_and_kept(shop, people, fields, said):
    page = people[0].post("/desk/posts/new", {"text": "We are open", "networks": ["x"]} | fields)
    assert page.status == 422
    assert said in page.text
    assert shop.posts == []


def test_a_time_that_clocks_show_twice_is_the_first_of_them_and_said(shop, people):
    path = written(people[0], day="2026-10-25", time="02:30")
    assert shop.posts[0]["publish_at"].hour == 0
    assert "which clocks show twice that day: the first of them" in people[0].get("/desk/log").text
    assert "02:30" in people[0].get(path).html


def test_a_machines_draft_is_changed_and_approved_by_whoever_did_not_change_it(shop, people):
    mara, jan = people
    place(shop)
    (post,) = compose_delay_posts(shop.context.with_run("r", day(0), noon(0)))
    path = f"/desk/posts/{post['id']}"
    page = mara.get(path)
    assert "Forewarn drafted it: 5 orders late, no date is known." in page.text
    assert "Approve, and publish at once" in page.text
    mara.send(mara.form(f"{path}?edit=1", path), {"text": "The lamp is late. Sorry.", "do": "ask"})
    assert "another person approves it" in mara.get(path).text
    jan.post(f"{path}/approve", page=path)
    assert [(row["network"], row["text"]) for row in sorted(shop.post_messages, key=lambda row: row["network"])] == [
        ("bluesky", "The lamp is late. Sorry."),
        ("x", "The lamp is late. Sorry."),
    ]


def test_the_preview_shows_each_network_with_its_own_text_measure_and_card_and_saves_nothing(shop, people):
    mara, _ = people
    place(shop, 1)
    path = written(mara, "Look: https://lamps.example.com", product="P1")
    form = mara.form(path)
    form.action = f"{path}/preview"
    shown = mara.send(form, {"text": "<b>New</b>: https://lamps.example.com", "text_bluesky": "For Bluesky alone"})
    assert shown.status == 200
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "X 35 of 280 characters" in shown.text
    assert "Bluesky 17 of 300 characters" in shown.text
    assert "&lt;b&gt;New" in shown.html
    assert "For Bluesky alone" in shown.text
    assert "Lamps & Co" in shown.text
    assert shop.posts[0]["text"] == "Look: https://lamps.example.com"
    assert "Look:" in mara.get(f"{path}/preview").text


def upload(client, path, picture, **fields):
    """Send the form of a page with a picture, as a browser does."""
    form = client.form(path)
    pairs = [(name, str(one)) for name, values in (form.fields | {k: [v] for k, v in fields.items()}).items()
             for one in values]  # fmt: skip
    edge = b"edge-of-a-part"
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (edge, name.encode(), value.encode())
        for name, value in pairs
        if name != "picture"
    ]
    head = (
        b'--%s\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    body = b"".join([*parts, head % edge, picture, b"\r\n--%s--\r\n" % edge])
    return client.post_body(form.action, body, f"multipart/form-data; boundary={edge.decode()}")


def png(size=(30, 20)):
    drawn = io.BytesIO()
    Image.new("RGB", size, "red").save(drawn, "PNG")
    return drawn.getvalue()


def test_the_preview_says_what_x_takes_for_a_post(people):
    mara, _ = people
    for text, price in (
        ("Open.", "about 0.015 USD"),
        ("https://lamps.example.com", "about 0.20 USD, as it has a link"),
    ):
        path = written(mara, text)
        seen = mara.get(f"{path}/preview").text
        assert price in seen
        assert seen.count(" USD") == 1
        assert f"of 280, {price}" in mara.get(path).text


def test_a_post_is_measured_by_the_limit_of_the_shops_own_mastodon_server(shop):
    context = replace(shop.context, open_networks=(Channel.MASTODON,), mastodon_limit=lambda: 1_000)
    mara = desk_client(context, "marketing", now=noon(0), name="Ana", app=desk_app(context, noon(0)))
    path = written(mara, "x" * 900, networks=["mastodon"])
    assert "900 of 1,000 characters" in mara.get(f"{path}/preview").text
    assert "too many for Mastodon" not in mara.get(path).text


def test_a_picture_needs_a_description_and_is_shown(shop, people):
    mara, _ = people
    path = written(mara)
    assert "Say what the picture shows" in upload(mara, path, png()).text
    assert upload(mara, path, png(), description="a red lamp").status == 303
    page = mara.get(path)
    assert "a red lamp" in page.html
    shown = mara.get(f"{path}/picture")
    assert shown.headers["content-type"] == "image/jpeg"
    assert "data:image/jpeg;base64," in mara.get(f"{path}/preview").html
    assert "the file cannot be read as a picture" in upload(mara, path, b"<svg/>", description="x").text.casefold()
    mara.post(path, {"drop_picture": "1"})
    assert mara.get(f"{path}/picture").status == 404


def test_a_large_body_is_taken_from_whoever_may_send_a_picture_only(shop, people):
    path = written(people[0])
    service = desk_client(shop.context, "service", now=noon(0))
    assert service.post_body(path, b"x" * 300_000, "multipart/form-data; boundary=x").status == 413
    assert people[0].post_body(path, b"x" * 12_000_000, "multipart/form-data; boundary=x").status == 413


@pytest.mark.both_databases
def test_a_network_that_failed_is_tried_again_from_the_post(shop, people):
    mara, jan = people
    path = waiting(mara)
    jan.post(f"{path}/approve", page=path)
    with shop.context.engine.begin() as connection:
        failed = {"state": State.REJECTED, "reason": "X answered 403: Forbidden", "settled_at": noon(0)}
        one = update(OUTBOX).where(OUTBOX.c.channel == Channel.X)
        connection.execute(one.values(**failed, sending_at=noon(0)))
        connection.execute(
            update(OUTBOX).where(OUTBOX.c.channel == Channel.BLUESKY).values(state="sent", settled_at=noon(0))
        )
    page = mara.get(path)
    assert "Failed on X" in page.text
    assert "Published elsewhere" in page.text
    assert "X answered 403: Forbidden." in page.text
    mara.post(f"{path}/again/x", page=path)
    assert "May or may not be on X" in mara.get(path).text
    assert "Failed on X" not in mara.get("/desk/posts").text


@pytest.mark.parametrize(
    ("network", "reference", "link"),
    [
        ("bluesky", "at://did:plc:ab12/app.bsky.feed.post/3kx", "https://bsky.app/profile/did:plc:ab12/post/3kx"),
        ("bluesky", 'at://did:plc:"x/app.bsky.feed.post/3kx', ""),
        ("x", "1860", "https://x.com/i/web/status/1860"),
        ("linkedin", "urn:li:share:7", "https://www.linkedin.com/feed/update/urn:li:share:7/"),
        ("mastodon", "114", ""),
    ],
)
def test_a_published_post_is_linked_where_its_network_has_it(network, reference, link):
    assert post_link(PostedMessage(network, "", State.SENT, "", reference, noon(0), trial=False)) == link


def test_a_post_that_a_person_found_there_is_named_once_in_its_history(shop, people):
    mara, jan = people
    path = waiting(mara)
    jan.post(f"{path}/approve", page=path)
    with shop.context.engine.begin() as connection:
        ids = {row["network"]: row["id"] for row in shop.post_messages}
        doubt = {"state": State.IN_DOUBT, "sending_at": noon(0), "lease_holder": "people"}
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == ids["x"]).values(**doubt))
        settle_doubt(shop.context, connection, noon(0), ids["x"], "Jan", sent=True)
    text = mara.get(path).text
    assert text.count("Jan found it there on X.") == 1
    assert "published it on X" not in text


@pytest.mark.both_databases
def test_the_calendar_says_what_customers_get_that_day(shop, people):
    place(shop, 3)
    shop.evaluate()
    page = people[0].get("/desk/posts")
    assert "3 mails to customers wait; first at once" in page.text
    assert "See the queue" in page.text


def test_a_post_says_which_text_is_not_used_and_which_link_is_missing(shop):
    links = shop.context.shop.links.model_copy(update={"product": "https://lamps.example.com/{product}"})
    shop.context = replace(shop.context, shop=shop.context.shop.model_copy(update={"links": links}))
    mara = desk_client(shop.context, "marketing", now=noon(0), name="Mara")
    place(shop, 1)
    path = written(mara, "For all", text_x="For X alone", networks=["x"], product="P1")
    page = mara.get(path)
    assert "Text for all other networks: not used, as only X is chosen." in page.text
    assert "The product's link, to put into the text: https://" in page.text
    assert "Text for all other networks: not used" in mara.get(f"{path}/preview").text
    form = mara.form(path)
    form.action = f"{path}/preview"
    assert "No text has the product's link yet: https://" in mara.send(form, {}).text
    waits = mara.get(waiting(mara, text_x="For X alone", networks=["x"]))
    assert "Text for all other networks: not used, as only X is chosen." in waits.text


def test_who_may_approve_their_own_post_is_told_so(shop):
    shop.context = replace(shop.context, policy=Policy(posts=PostPolicy(second_person=False)))
    mara = desk_client(shop.context, "marketing", now=noon(0), name="Mara")
    assert "Save and go on to approve" in mara.get("/desk/posts/new").text
    fields = {"text": "We are open.", "networks": ["x"], "do": "ask"}
    page = mara.follow(mara.post("/desk/posts/new", fields))
    assert "You wrote the post “We are open.” and made it ready to approve" in page.text
    assert "You wrote this; this shop lets you approve it yourself." in page.text


def test_on_a_sunday_tomorrow_stands_above_the_week_too(shop, people):
    mara, _ = people
    written(mara, "Tomorrow is Monday", **HOUR)
    sunday = desk_client(shop.context, "marketing", now=noon(SUNDAY), name="Ana")
    monday = day(SUNDAY + 1)
    written(sunday, "New lamps are here", day=monday.isoformat(), time="10:00")
    page = sunday.get("/desk/posts")
    assert "Today and tomorrow" in page.text
    assert f"{monday:%a} {monday.day} {monday:%b} (tomorrow)" in page.text
    assert "New lamps are here" in page.text
    assert "New delays that tomorrow's checks find come on top." in page.text
    assert "Today and tomorrow" not in sunday.get("/desk/posts?state=draft").text


@pytest.mark.both_databases
def test_filters_are_in_the_address(people):
    mara, _ = people
    written(mara, "For X alone", networks=["x"])
    assert "For X alone" in mara.get("/desk/posts?network=x&state=draft").text
    assert "For X alone" not in mara.get("/desk/posts?network=bluesky").text
    assert "No post of this week is so." in mara.get("/desk/posts?state=published").text


def test_who_only_reads_sees_posts_and_no_act(shop, people):
    path = waiting(people[0])
    reader = desk_client(shop.context, "read", now=noon(0))
    page = reader.get(path)
    assert "We are open on Saturday." in page.text
    assert [tag.get("action") for tag in page.tags("form") if path in tag.get("action", "")] == []
    assert reader.get("/desk/posts/new").status == 403
    assert "Write a post" not in reader.get("/desk/posts").text
