"""Write a post, and change it: one text for all networks, others where they are opened, a picture, an hour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from models.enums import PostKind, PostState
from models.orders import ProductFacts
from models.posts import Writer
from models.staff import Right
from tasks.desk.posts import PostDetail, find_products, load_post
from tasks.posts.approval import ask_for_approval
from tasks.posts.cards import load_product
from tasks.posts.checks import Check, CheckedPost, PostProblems, Problem, find_problems, measures
from tasks.posts.drafts import edit_post, load_picture, write_post
from tasks.posts.rows import PostChanged, PostGone
from tasks.staff.accounts import list_accounts
from tasks.staff.audit import record
from templates.rendering.fill_variables import product_view
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import sentence
from web.staff.post_around import around_post
from web.staff.post_forms import KINDS, Given, local_day_and_time, network_choices, read_post_form
from web.staff.post_pages import logged_words, post_page
from web.staff.post_previews import preview_response
from web.staff.post_words import full_moment, missing_link, network_name, price_words, title_of, unused_words
from web.staff.visit import Refused, Visit

WRITTEN, EDITED = "post_written", "post_edited"
"""Kinds of entries of the log."""
DID = {WRITTEN: "wrote", EDITED: "changed"}
FIELD_OF = {Check.EMPTY: "networks", Check.LENGTH: "text", Check.PRIVATE: "text", Check.WORDS: "text"}
SEE_POSTS = ((desk_address("posts"), "See the posts"),)


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages on which posts are written."""
    return [
        StaffRoute("/posts/new", Right.PUBLISH, ask_new, write, takes_file=True),
        StaffRoute("/posts/new/preview", Right.PUBLISH, empty_preview, preview_new, previews=True, takes_file=True),
        StaffRoute("/posts/{post}", Right.SEE, show, edit, right_to_post=Right.PUBLISH, takes_file=True),
        StaffRoute(
            "/posts/{post}/preview",
            Right.SEE,
            preview_saved,
            preview_edited,
            right_to_post=Right.PUBLISH,
            previews=True,
            takes_file=True,
        ),
        StaffRoute("/posts/{post}/picture", Right.SEE, show_picture),
    ]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the editor shows of a post that is saved, or not yet."""

    title: str
    post: PostDetail | None
    product: ProductFacts | None
    values: Mapping[str, Any]


def ask_new(visit: Visit, form: Form = NEW) -> Response:
    """Ask for a new post."""
    product = None
    if key := visit.query("product"):
        with visit.reading() as connection:
            product = load_product(connection, key)
    about = visit.query("about") if visit.query("about") in set(PostKind) else PostKind.OWN
    link = product_view(product, visit.context.shop).url if product else str(visit.context.shop.links.home)
    values = {
        "product": product.name if product else visit.query("product"),
        "kind": about,
        "text": f"\n{link}" if product and link else "",
        "networks": list(visit.context.networks),
        "day": "",
        "time": "",
        "description": "",
        "version": 0,
    }
    return _page(visit, form, _Shown("Write a post", None, product, values), visit.here)


def write(visit: Visit, form: Form) -> Response:
    """Save a new post as a draft."""
    given = read_post_form(visit, form)
    product, kind = _product(visit, form), form.text("kind") or PostKind.OWN
    if kind not in set(PostKind):
        form.wrong("kind", "Choose what it says.")
    if kind != PostKind.OWN and product is None and not form.error("product"):
        form.wrong("product", "Name the product of which it says so.")
    if form.errors:
        return ask_new(visit, form)
    with visit.writing() as connection:
        product_id = product.id if product else None
        key = write_post(visit.context, connection, given.words, _writer(visit), product_id, PostKind(kind))
        asked = _ask(visit, form, connection, key)
        entry = _record(visit, form, connection, WRITTEN, key, given, asked)
    return visit.done(desk_address("posts", key, asked="1" if asked.failed else ""), entry)


def _product(visit: Visit, form: Form) -> ProductFacts | None:
    """Return the product that the form names; none, or several, is an error."""
    text = form.text("product")
    if not text:
        return None
    with visit.reading() as connection:
        found = find_products(connection, text)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{one.name} ({one.id})" for one in found)
        form.wrong("product", f"Which one? Enter its number: {names}.")
    else:
        form.wrong("product", f"There is no product “{text}”. Its number works, too.")
    return None


def _writer(visit: Visit) -> Writer:
    return Writer(visit.person.name, visit.person.id)


def _record(
    visit: Visit,
    form: Form,
    connection: Connection,
    kind: str,
    post_id: str,
    given: Given,
    asked: "_Asked",
    before: Any = None,
) -> int:
    words, saved = given.words, load_post(connection, post_id)
    if saved is None:
        raise PostGone(f"there is no post {post_id}")
    name, texts = logged_words(visit, connection, saved)
    when = f" for {full_moment(visit, words.publish_at)}" if words.publish_at else ""
    twice = ", which clocks show twice that day: the first of them" if given.is_first_of_two else ""
    and_asked = f"{',' if twice else ''}{asked.words}"
    return record(
        connection,
        **visit.act(form),
        kind=kind,
        subject_kind="post",
        subject=post_id,
        what=f"{DID[kind]} the post {name}{when}{twice}{and_asked}",
        why=form.text("why"),
        before=before,
        after={**texts, "networks": list(words.networks)},
    )


def show(visit: Visit, form: Form = NEW) -> Response:
    """Return a post: the editor of a draft, or its text as it is fixed."""
    post = _find(visit)
    if post is None:
        return visit.not_found("There is no such post.")
    may_edit = visit.person.may(Right.PUBLISH) and (
        post.state is PostState.DRAFT or (post.state is PostState.WAITS and bool(visit.query("edit") or form.errors))
    )
    if not may_edit:
        return post_page(visit, post)
    day, time = local_day_and_time(visit, post.publish_at)
    checked = post.checked
    values = {
        "product": post.product.name if post.product else "",
        "kind": checked.kind,
        "text": checked.text,
        "networks": list(checked.networks),
        "day": day,
        "time": time,
        "description": post.description or "",
        # Of a form with a mistake the one that it was made from: what was saved since is not overwritten.
        "version": form.text("version") or post.version,
    }
    product = post.product.name if post.product else ""
    title = f"Post: {title_of(PostKind.OWN, product, checked.text)}"
    return _page(visit, form, _Shown(title, post, post.product, values), visit.here)


def _find(visit: Visit) -> PostDetail | None:
    with visit.reading() as connection:
        return load_post(connection, visit.path("post"))


def edit(visit: Visit, form: Form) -> Response:
    """Save a draft; with the other button, let it wait for approval."""
    post = _find(visit)
    if post is None:
        return visit.not_found("There is no such post.")
    given = read_post_form(visit, form, description=post.description)
    if form.errors:
        return show(visit, form)
    version = form.whole("version")
    try:
        with visit.writing() as connection:
            edit_post(visit.context, connection, post.id, given.words, _writer(visit), version)
            asked = _ask(visit, form, connection, post.id)
            _, before = logged_words(visit, connection, post)
            entry = _record(visit, form, connection, EDITED, post.id, given, asked, before)
    except PostChanged as error:
        raise Refused(f"Your change was not saved: {sentence(str(error))}", links=_see(post.id)) from error
    return visit.done(desk_address("posts", post.id, asked="1" if asked.failed else ""), entry)


def _see(post_id: str) -> Sequence[tuple[str, str]]:
    return ((desk_address("posts", post_id), "See the post as it is"), *SEE_POSTS)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whether a saved post waits for approval now."""

    words: str = ""
    failed: bool = False


def _ask(visit: Visit, form: Form, connection: Connection, post_id: str) -> _Asked:
    """Let a saved post wait for approval, where the form says so and nothing is wrong with it."""
    if form.text("do") != "ask":
        return _Asked()
    try:
        ask_for_approval(visit.context, connection, post_id, _writer(visit))
    except PostProblems:
        return _Asked(failed=True)
    needs_second = visit.context.policy.posts.second_person
    return _Asked(" and asked for approval" if needs_second else " and made it ready to approve")


def _page(visit: Visit, form: Form, shown: _Shown, action: str) -> Response:
    post = shown.post
    problems = _saved_problems(visit, post)
    if visit.query("asked") and not form.fields:
        form = Form("", {}, [])
        for problem in (one for one in problems if one.blocks):
            form.wrong(FIELD_OF.get(problem.check, "text"), problem.text)
    texts, costs = dict(post.checked.texts) if post else {}, visit.context.policy.costs
    sizes = measures(visit.context, post.checked.by_network) if post else {}
    counts = [
        f"{network_name(key)} {size.count:,} of {size.limit:,}"
        + (f", {price}" if post and (price := price_words(costs, key, post.checked.by_network[key])) else "")
        for key, size in sizes.items()
    ]
    networks = network_choices(visit, texts, shown.values["networks"])
    return visit.page(
        "desk/post_edit.html",
        title=shown.title,
        form=form,
        values=shown.values,
        is_new=post is None,
        product=shown.product,
        kinds=[(str(kind), words, "") for kind, words in KINDS],
        networks=[one for one in networks if one.may_choose],
        closed=", ".join(one.name for one in networks if not one.may_choose),
        counts="" if form.fields else " · ".join(counts),
        chose_picture=bool(form.files.get("picture")),
        has_picture=bool(post and post.description is not None),
        picture=desk_address("posts", post.id, "picture") if post else "",
        action=action,
        preview=f"{action}/preview",
        ask=_ask_words(visit),
        link=_missing_link(visit, form, shown),
        unused=unused_words(shown.values["text"], shown.values["networks"], texts) if not form.fields else "",
        zone=visit.context.shop.zone.rpartition("/")[2].replace("_", " "),
        about=around_post(visit, post, problems) if post else None,
    )


def _missing_link(visit: Visit, form: Form, shown: _Shown) -> str:
    """Return the link of the product that no text of the form has."""
    texts = dict(shown.post.checked.texts).values() if shown.post else ()
    typed = [form.lines(name) for name in form.fields if name.startswith("text")]
    return missing_link(shown.product, visit.context.shop, typed if form.fields else (shown.values["text"], *texts))


def _saved_problems(visit: Visit, post: PostDetail | None) -> list[Problem]:
    if post is None:
        return []
    with visit.reading() as connection:
        return find_problems(visit.context, connection, post.checked)


def _ask_words(visit: Visit) -> str:
    """Return the words of the button: whom it asks."""
    if not visit.context.policy.posts.second_person:
        return "Save and go on to approve"
    with visit.reading() as connection:
        people = [one.person for one in list_accounts(connection)]
    others = [person.name for person in people if person.may(Right.PUBLISH) and person.id != visit.person.id]
    return f"Ask {others[0]} to approve" if len(others) == 1 else "Ask for approval"


def empty_preview(visit: Visit) -> Response:
    """Return the preview of a post that is not written yet."""
    return preview_response(visit, {}, None, None)


def preview_new(visit: Visit, form: Form) -> Response:
    """Return how a post that is not saved would look."""
    given = read_post_form(visit, form)
    product = _product(visit, form)
    checked = CheckedPost(
        "",
        product.id if product else None,
        visit.context.shop.locale,
        PostKind.OWN,
        None,
        "",
        {},
        (),
        None,
        None,
        visit.now,
    )
    return _preview(visit, form, given, checked, product, None)


def preview_saved(visit: Visit) -> Response:
    """Return how a post will look as it is saved."""
    post = _find(visit)
    if post is None:
        return visit.not_found("There is no such post.")
    with visit.reading() as connection:
        picture = load_picture(connection, post.id)
    unused = unused_words(post.checked.text, post.checked.networks, post.checked.texts)
    return preview_response(visit, post.checked.by_network, post.product, picture, notes=[unused])


def preview_edited(visit: Visit, form: Form) -> Response:
    """Return how a post would look with what is in the form."""
    post = _find(visit)
    if post is None:
        return visit.not_found("There is no such post.")
    given = read_post_form(visit, form, description=post.description)
    with visit.reading() as connection:
        picture = None if given.words.without_picture else load_picture(connection, post.id)
    if picture is not None and given.words.description:
        picture = replace(picture, description=given.words.description)
    return _preview(visit, form, given, post.checked, post.product, picture)


def _preview(
    visit: Visit, form: Form, given: Given, checked: CheckedPost, product: ProductFacts | None, picture: Any
) -> Response:
    words = given.words
    edited = replace(checked, text=words.text, texts=words.texts, networks=words.networks)
    with visit.reading() as connection:
        problems = find_problems(visit.context, connection, edited)
    said = [*(each.message for each in form.errors), *(problem.text for problem in problems)]
    link = missing_link(product, visit.context.shop, edited.by_network.values())
    notes = [
        unused_words(words.text, words.networks, words.texts),
        f"No text has the product's link yet: {link}" if link and edited.by_network else "",
    ]
    return preview_response(
        visit, edited.by_network, product, words.picture or picture, list(dict.fromkeys(said)), notes
    )


def show_picture(visit: Visit) -> Response:
    """Return the picture of a post."""
    with visit.reading() as connection:
        picture = load_picture(connection, visit.path("post"))
    if picture is None:
        return visit.not_found("This post has no picture.")
    return Response(picture.content, media_type=picture.kind)
