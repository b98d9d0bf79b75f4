"""A post whose text is fixed, and what is decided about it: approve, send back, withdraw, try a network again."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from models.enums import NETWORKS, Channel, PostKind, PostState
from models.posts import Writer
from models.staff import AuditEntry, Right
from tasks.desk.posts import PostDetail, load_post
from tasks.posts.approval import (
    OwnApproval,
    approve_post,
    is_own,
    reopen_post,
    restore_post,
    send_back,
    try_again,
    withdraw_post,
)
from tasks.posts.checks import Check, PostProblems, find_problems
from tasks.posts.rows import PostChanged
from tasks.staff.accounts import list_accounts
from tasks.staff.audit import record
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import listed_words, sentence, undo_act
from web.staff.post_around import around_post
from web.staff.post_words import full_moment, network_name, network_words, title_of, unused_words
from web.staff.undo import UNDO, UNDO_RIGHTS
from web.staff.visit import Refused, Visit

APPROVED, SENT_BACK, WITHDRAWN = "post_approved", "post_sent_back", "post_withdrawn"
REOPENED, TRIED = "post_reopened", "post_tried_again"
"""Kinds of entries of the log."""
OWN = "You wrote this; this shop lets you approve it yourself."


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return what is decided about posts."""
    UNDO[WITHDRAWN], UNDO_RIGHTS[WITHDRAWN] = _undo_withdrawal, Right.PUBLISH
    return [
        StaffRoute("/posts/{post}/approve", Right.PUBLISH, _see_post, approve),
        StaffRoute("/posts/{post}/back", Right.PUBLISH, _see_post, give_back),
        StaffRoute("/posts/{post}/withdraw", Right.PUBLISH, ask_withdraw, withdraw),
        StaffRoute("/posts/{post}/reopen", Right.PUBLISH, _see_post, reopen),
        StaffRoute("/posts/{post}/again/{network}", Right.PUBLISH, _see_post, again),
    ]


def _see_post(visit: Visit) -> Response:
    """Return to the post: what is decided about it is a form of its page."""
    return visit.see(desk_address("posts", visit.path("post")))


def post_page(visit: Visit, post: PostDetail, form: Form = NEW) -> Response:
    """Return a post whose text is fixed, with what may be decided about it."""
    may = visit.person.may(Right.PUBLISH)
    with visit.reading() as connection:
        problems = find_problems(visit.context, connection, post.checked) if post.state is PostState.WAITS else []
    is_waiting = may and post.state is PostState.WAITS
    keeps_out = _keeps_out(visit, post) if is_waiting else ""
    here = desk_address("posts", post.id)
    when = full_moment(visit, post.publish_at) if post.publish_at and post.publish_at > visit.now else ""
    may_approve = is_waiting and not keeps_out and not any(one.blocks for one in problems)
    return visit.page(
        "desk/post.html",
        title=f"Post: {_name(post)}",
        form=form,
        about=around_post(visit, post, problems),
        is_checked=post.state is PostState.WAITS,
        approve=f"Approve for {when}" if when else "Approve, and publish at once",
        approve_action=f"{here}/approve" if may_approve else "",
        keeps_out=keeps_out,
        own=OWN if may_approve and is_own(post.author, post.author_id, _writer(visit)) else "",
        unused=unused_words(post.checked.text, post.checked.networks, dict(post.checked.texts)),
        unused_text=post.checked.text,
        networks=len(post.checked.networks) if post.description is None else 3,
        back_action=f"{here}/back" if is_waiting else "",
        edit=f"{here}?edit=1" if is_waiting else "",
        reopen_action=f"{here}/reopen" if may and post.may_reopen else "",
        withdraw=f"{here}/withdraw" if may and post.may_withdraw else "",
        again_text="It is looked first whether it is there; it is not published twice.",
        may_act=may,
        texts=_texts(post),
        planned=_planned(visit, post, when),
        version=post.version,
        picture=f"{here}/picture" if post.description is not None else "",
        description=post.description or "",
        preview=f"{here}/preview",
    )


def _name(post: PostDetail) -> str:
    return title_of(PostKind.OWN, post.product.name if post.product else "", post.checked.text)


def logged_words(visit: Visit, connection: Connection, post: PostDetail) -> tuple[str, dict[str, Any]]:
    """Return what the log calls a post, and its texts.

    Nothing is deleted from the log: of a post with a customer's data it keeps no words.
    """
    if any(one.check is Check.PRIVATE for one in find_problems(visit.context, connection, post.checked)):
        return "with a customer's data", {}
    return f"“{_name(post)}”", {"text": post.checked.text, "texts": dict(post.checked.texts)}


def _texts(post: PostDetail) -> list[tuple[str, str]]:
    """Return the texts, each with its networks in words."""
    texts = post.checked.by_network
    if post.messages and post.state is PostState.APPROVED:
        texts = {one.network: one.text for one in post.messages}
    networks: dict[str, list[str]] = {}
    for network in sorted(texts, key=lambda one: NETWORKS.index(Channel(one))):
        networks.setdefault(texts[network], []).append(network)
    return [(network_words(those), text) for text, those in networks.items()]


def _planned(visit: Visit, post: PostDetail, when: str) -> str:
    networks = network_words(post.checked.networks) or "no network yet"
    if post.state is PostState.APPROVED:
        by = f" Approved by {post.approver}." if post.approver else ""
        return f"For {networks}, {full_moment(visit, post.at)}.{by}"
    if when:
        return f"For {networks}, {when}."
    passed = f" Its hour, {full_moment(visit, post.publish_at)}, has passed." if post.publish_at else ""
    return f"For {networks}, as soon as it is approved.{passed}"


def _keeps_out(visit: Visit, post: PostDetail) -> str:
    """Return why this person cannot approve; empty where they can."""
    if not visit.context.policy.posts.second_person or not is_own(post.author, post.author_id, _writer(visit)):
        return ""
    with visit.reading() as connection:
        people = [one.person for one in list_accounts(connection)]
    others = [person.name for person in people if person.may(Right.PUBLISH) and person.id != visit.person.id]
    asked = f"{listed_words(others[:4])} can." if others else "Nobody else may approve posts: an admin can invite one."
    return f"You wrote or changed it last, so another person approves it. {asked}"


def _writer(visit: Visit) -> Writer:
    return Writer(visit.person.name, visit.person.id)


def _act(
    visit: Visit,
    form: Form,
    kind: str,
    work: Callable[[Connection, PostDetail], tuple[str, dict[str, Any]]],
    why: str = "",
) -> Response:
    """Do something to a post in one transaction, and record it; `work` returns its words and what undoing it needs."""
    post_id = visit.path("post")
    here = desk_address("posts", post_id)
    try:
        with visit.writing() as connection:
            post = load_post(connection, post_id)
            if post is None:
                return visit.not_found("There is no such post.")
            what, before = work(connection, post)
            entry = record(
                connection,
                **visit.act(form),
                kind=kind,
                subject_kind="post",
                subject=post_id,
                what=what,
                why=why,
                before=before,
            )
    except (PostChanged, OwnApproval, PostProblems) as error:
        raise Refused(
            f"Nothing was changed: {sentence(str(error))}", links=((here, "See the post as it is"),)
        ) from error
    return visit.done(here, entry)


def approve(visit: Visit, form: Form) -> Response:
    """Approve a post as it was shown."""

    def work(connection: Connection, post: PostDetail) -> tuple[str, dict[str, Any]]:
        at = approve_post(visit.context, connection, post.id, _writer(visit), form.whole("version"))
        when = "to be published at once" if at <= visit.now else f"for {full_moment(visit, at)}"
        return f"approved the post “{_name(post)}” {when}", {"state": post.state}

    return _act(visit, form, APPROVED, work)


def give_back(visit: Visit, form: Form) -> Response:
    """Send a post back to its author with a note."""
    note = form.needed("note", "Say what is to be changed.")
    if form.errors:
        with visit.reading() as connection:
            post = load_post(connection, visit.path("post"))
        return post_page(visit, post, form) if post else visit.not_found("There is no such post.")

    def work(connection: Connection, post: PostDetail) -> tuple[str, dict[str, Any]]:
        send_back(visit.context, connection, post.id, _writer(visit), note, form.whole("version"))
        name, _ = logged_words(visit, connection, post)
        return f"sent the post {name} back to {post.author or 'its author'}", {"state": post.state}

    return _act(visit, form, SENT_BACK, work, note)


def ask_withdraw(visit: Visit, form: Form = NEW) -> Response:
    """Ask whether a post is withdrawn."""
    with visit.reading() as connection:
        post = load_post(connection, visit.path("post"))
    if post is None:
        return visit.not_found("There is no such post.")
    here = desk_address("posts", post.id)
    if not post.may_withdraw:
        raise Refused("It cannot be withdrawn any more.", links=((here, "See the post as it is"),))
    there = [one.network for one in post.messages if one.state not in ("queued", "held", "skipped")]
    stays = f"It stays on {network_words(there)}: delete it there. The rest is not published." if there else ""
    texts = (stays or "It is not published on any network.", "You can undo it.")
    return visit.page(
        "desk/ask.html",
        title=f"Withdraw the post “{_name(post)}”?",
        form=form,
        texts=texts,
        button="Withdraw the post",
        action=visit.here,
        back=here,
    )


def withdraw(visit: Visit, form: Form) -> Response:
    """Withdraw a post: what has not left does not leave."""
    why = form.text("why")

    def work(connection: Connection, post: PostDetail) -> tuple[str, dict[str, Any]]:
        before = withdraw_post(visit.context, connection, post.id, _writer(visit), why)
        name, _ = logged_words(visit, connection, post)
        return f"withdrew the post {name}", {"state": before, "at": visit.context.started_at.isoformat()}

    return _act(visit, form, WITHDRAWN, work, why)


def _undo_withdrawal(visit: Visit, entry: AuditEntry, form: Form) -> int:
    def work(connection: Connection) -> str:
        at = datetime.fromisoformat(entry.before["at"])
        before = PostState(entry.before["state"])
        restore_post(visit.context, connection, entry.subject, _writer(visit), before, at)
        return "undid the withdrawal of a post"

    return undo_act(visit, entry, form, work, (PostChanged,))


def reopen(visit: Visit, form: Form) -> Response:
    """Make an approved or withdrawn post a draft again."""

    def work(connection: Connection, post: PostDetail) -> tuple[str, dict[str, Any]]:
        reopen_post(visit.context, connection, post.id, _writer(visit), form.whole("version"))
        return f"made the post “{_name(post)}” a draft again", {"state": post.state}

    return _act(visit, form, REOPENED, work)


def again(visit: Visit, form: Form) -> Response:
    """Try a network again that refused a post."""
    network = visit.path("network")

    def work(connection: Connection, post: PostDetail) -> tuple[str, dict[str, Any]]:
        try_again(visit.context, connection, post.id, network, _writer(visit))
        name = network_name(network)
        return f"tries the post “{_name(post)}” on {name} again; it is looked first whether it is there", {}

    return _act(visit, form, TRIED, work)
