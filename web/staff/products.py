"""Late products: how many orders wait for each, until when, and acts on all of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from models.enums import PostKind
from models.errors import ForewarnError
from models.quantities import counted
from models.reasons import OTHER, UNKNOWN, DelayReason, ReasonScope
from models.staff import AuditEntry, Right
from tasks.desk.late_product_acts import TooMany, draft_post, preview_date, set_dates, undo_dates, withdraw_draft
from tasks.desk.late_products import (
    LateProduct,
    LateProducts,
    LateSnapshot,
    NextDelivery,
    ProductPost,
    count_late_products,
    load_next_deliveries,
    load_posts,
)
from tasks.desk.staff_words import DATE_SOURCES, days_words
from tasks.orders.staff_reasons import delete_reason, load_reason, save_reason
from tasks.posts.compose import late_products
from tasks.staff.audit import record
from web.staff.addresses import desk_address
from web.staff.cursors import read_cursor, write_cursor
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import listed_words, sentence, undo_act
from web.staff.post_words import status_chip
from web.staff.undo import UNDO, UNDO_RIGHTS
from web.staff.visit import Refused, Visit

DATED, REASONED, DRAFTED = "product_dated", "product_reason", "post_drafted"
"""Kinds of entries of the log."""
SEE_LIST = ((desk_address("products"), "See the late products"),)
MAX_DAYS_AHEAD = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A late product in the list."""

    url: str
    name: str
    about: str
    waiting: str
    late: str
    expected: str
    sure: str
    delivery: str
    post: tuple[str, str] | None
    post_url: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of late products."""
    pages = ProductPages(LateProducts())
    UNDO[DATED], UNDO[REASONED], UNDO[DRAFTED] = pages.undo_dated, undo_reason, undo_draft
    UNDO_RIGHTS[DRAFTED] = Right.PUBLISH
    return [
        StaffRoute("/products", Right.SEE, pages.show),
        StaffRoute("/products/{product}", Right.SEE, show_product),
        StaffRoute("/products/{product}/date", Right.ACT, ask_date, pages.set_date),
        StaffRoute("/products/{product}/reason", Right.ACT, ask_reason, give_reason),
        StaffRoute("/products/{product}/post", Right.PUBLISH, ask_post, draft),
    ]


class ProductPages:
    """The pages that count late products, or change them."""

    def __init__(self, late: LateProducts) -> None:
        self._late = late

    def show(self, visit: Visit) -> Response:
        """Return the late products, those that most orders wait for first."""
        snapshot = self._late.load(visit.context)
        place = read_cursor(visit.query("after"), int, str)
        vendor, category = visit.query("vendor"), visit.query("category")
        known = vendor in ("", *(key for key, _ in snapshot.vendors))
        unknown = [] if known else ["No late product is of that vendor."]
        page = snapshot.page(vendor if known else "", category, place)
        keys = [product.id for product in page.rows]
        with visit.reading() as connection:
            deliveries = load_next_deliveries(connection, keys)
            posts = load_posts(visit.context, connection, keys)
        filters = {"vendor": vendor, "category": category}
        after = write_cursor(*page.rows[-1].place) if page.more else ""
        return visit.page(
            "desk/products.html",
            title="Late products",
            rows=[_row(visit, one, deliveries.get(one.id), posts.get(one.id)) for one in page.rows],
            vendors=[("", "All vendors"), *snapshot.vendors],
            categories=[("", "All categories"), *((name, name) for name in snapshot.categories)],
            chosen=filters,
            is_filtered=bool(vendor or category),
            has_any=bool(snapshot.products),
            notes=[*unknown, *_counted(visit, snapshot)],
            is_first_count=snapshot.counted_at is None,
            action=desk_address("products"),
            next=desk_address("products", **filters, after=after) if after else "",
            first=desk_address("products", **filters) if place else "",
        )

    def set_date(self, visit: Visit, form: Form) -> Response:
        """Set the expected date of all orders that wait for a product."""
        day = form.day("day")
        if day is None or (problem := _day_problem(visit, day)):
            if not form.error("day"):
                form.wrong("day", "Enter the day." if day is None else problem)
            return ask_date(visit, form)
        product, why = _find(visit), form.needed("why", "Say who told you so: the log keeps it.")
        if form.errors:
            return ask_date(visit, form)
        if product is None:
            return _gone(visit)
        try:
            with visit.writing() as connection:
                effect = preview_date(visit.context, connection, product.id, day)
                before = set_dates(visit.context, connection, effect.lines, day, visit.person.name)
                entry = record(
                    connection,
                    **visit.act(form),
                    kind=DATED,
                    subject_kind="product",
                    subject=product.id,
                    what=f"set the expected date of {product.name} to {visit.day(day)} for "
                    f"{counted(effect.orders, 'order')}",
                    why=why,
                    before={"dates": before},
                    after={"day": day.isoformat()},
                )
        except ForewarnError as error:
            raise Refused(sentence(str(error)), links=SEE_LIST) from error
        self._late.forget()
        return visit.done(desk_address("products", product.id), entry)

    def undo_dated(self, visit: Visit, entry: AuditEntry, form: Form) -> int:
        """Set the dates as they were before."""

        def work(connection: Connection) -> str:
            set_to = date.fromisoformat(entry.after["day"])
            changed = undo_dates(visit.context, connection, entry.before["dates"], set_to, visit.person.name)
            return f"took the date of {entry.subject} back from {counted(changed, 'order line')}"

        number = undo_act(visit, entry, form, work, (ForewarnError,))
        self._late.forget()
        return number


def _counted(visit: Visit, snapshot: LateSnapshot) -> list[str]:
    if snapshot.counted_at is None:
        return ["The late products are being counted for the first time. Load this page again in a few seconds."]
    if snapshot.is_counting:
        return [f"Counted at {visit.moment(snapshot.counted_at)}; they are being counted again now."]
    if snapshot.counted_at < visit.now:
        return [f"Counted at {visit.moment(snapshot.counted_at)}."]
    return []


def _row(visit: Visit, one: LateProduct, delivery: NextDelivery | None, post: ProductPost | None) -> ProductRow:
    return ProductRow(
        url=desk_address("products", one.id),
        name=one.name,
        about=", ".join(filter(None, [one.category, one.vendor])),
        waiting=_waiting(one),
        late=_late(one),
        expected=_expected(visit, one),
        sure=_sure(one),
        delivery=_delivery(visit, delivery),
        post=status_chip(visit, post.status, post.at, PostKind.LATE) if post else None,
        post_url=desk_address("posts", post.id) if post else "",
    )


def _waiting(one: LateProduct) -> str:
    people = "1 person" if one.people == 1 else f"{one.people:,} people"
    return f"{counted(one.orders, 'order')} ({people})"


def _late(one: LateProduct) -> str:
    if one.days == one.worst_days:
        return days_words(one.days)
    return f"{days_words(one.days)} in the middle, {one.worst_days:,} at worst"


def _expected(visit: Visit, one: LateProduct) -> str:
    if one.first_on is None or one.last_on is None:
        return "No date is known"
    days = visit.day(one.first_on)
    if one.last_on != one.first_on:
        days = f"{days} to {visit.day(one.last_on)}"
    return f"{days}; no date for {counted(one.undated, 'order')}" if one.undated else days


def _sure(one: LateProduct) -> str:
    words = [DATE_SOURCES.get(source, source) for source in one.sources]
    return sentence(listed_words(words)) if len(words) <= 2 else "From several sources."


def _delivery(visit: Visit, delivery: NextDelivery | None) -> str:
    if delivery is None:
        return "None is on its way"
    when = visit.day(delivery.expected_on) if delivery.expected_on else "no day"
    return f"{delivery.quantity} pieces, {when} ({delivery.id})"


def _find(visit: Visit) -> LateProduct | None:
    with visit.reading() as connection:
        found = count_late_products(visit.context, connection, [visit.path("product")])
    return found[0] if found else None


def _gone(visit: Visit) -> Response:
    return visit.not_found(f"No order waits late for a product {visit.path('product')}.")


def show_product(visit: Visit) -> Response:
    """Return a late product with its acts."""
    product = _find(visit)
    if product is None:
        return _gone(visit)
    with visit.reading() as connection:
        delivery = load_next_deliveries(connection, [product.id]).get(product.id)
        post = load_posts(visit.context, connection, [product.id]).get(product.id)
        reason = load_reason(connection, (ReasonScope.PRODUCT, product.id))
    acts = []
    if visit.person.may(Right.ACT):
        orders = "the order" if product.orders == 1 else f"all {product.orders:,} orders"
        acts.append((desk_address("products", product.id, "date"), f"Set a date for {orders}"))
        acts.append((desk_address("products", product.id, "reason"), "Give the reason"))
    if visit.person.may(Right.PUBLISH):
        draft_url = desk_address("products", product.id, "post")
        acts.append((desk_address("posts", post.id), "Open its post") if post else (draft_url, "Draft a post"))
    row = _row(visit, product, delivery, post)
    facts = [
        ("Orders waiting", row.waiting),
        ("Late by", row.late),
        ("Expected", row.expected),
        ("Who says so", row.sure or "Nobody yet."),
        ("Next delivery", row.delivery),
        ("Reason for customers", _reason_words(visit, reason)),
    ]
    return visit.page(
        "desk/product.html",
        title=product.name,
        row=row,
        facts=facts,
        acts=acts,
        post=post,
        orders=desk_address("orders", product=product.id),
    )


def _reason_words(visit: Visit, reason: DelayReason | None) -> str:
    if reason is None:
        return "None is given for the product."
    clause = visit.context.renderer.reasons.clause(reason, visit.context.shop.locale)
    return sentence(clause) if clause else "It is said that the reason is not known."


def _day_problem(visit: Visit, day: date) -> str:
    if day < visit.today:
        return "This day has passed."
    return "This day is too far ahead to be told to a customer." if day > visit.today + MAX_DAYS_AHEAD else ""


def ask_date(visit: Visit, form: Form = NEW) -> Response:
    """Ask for the date, and then say who gets a message because of it."""
    product = _find(visit)
    if product is None:
        return _gone(visit)
    wanted = Form("", {"day": [form.text("day") or visit.query("day")]})
    day = wanted.day("day")
    problem = _day_problem(visit, day) if day else wanted.error("day")
    texts: list[str] = []
    if day and not problem:
        with visit.reading() as connection:
            try:
                effect = preview_date(visit.context, connection, product.id, day)
            except TooMany as error:
                raise Refused(sentence(str(error)), links=SEE_LIST) from error
        orders = counted(effect.orders, "order")
        told = "nobody" if not effect.told else "1 person" if effect.told == 1 else f"{effect.told:,} people"
        verb = "get" if effect.told > 1 else "gets"
        texts = [
            f"{orders} {'is' if effect.orders == 1 else 'are'} then expected by {visit.day(day)}.",
            f"{told.capitalize()} of {effect.people:,} {verb} a message about it with the next check of all orders.",
            "Each date stays until it passes or somebody changes it. You can undo it.",
        ]
    elif problem and not form.errors:
        form = Form("", wanted.fields)
        form.wrong("day", problem)
    return visit.page(
        "desk/product_date.html",
        title=f"When is {product.name} expected?",
        form=form,
        is_asked=bool(texts),
        texts=texts,
        day=day.isoformat() if day and not problem else "",
        button=f"Set the date for {counted(product.orders, 'order')}",
        action=visit.here,
        back=desk_address("products", product.id),
    )


def ask_reason(visit: Visit, form: Form = NEW) -> Response:
    """Ask why a product is late: customers read it."""
    product = _find(visit)
    if product is None:
        return _gone(visit)
    reasons, locale = visit.context.renderer.reasons, visit.context.shop.locale
    with visit.reading() as connection:
        now = load_reason(connection, (ReasonScope.PRODUCT, product.id))
    options = [
        (code, sentence(reasons.clause(DelayReason(code), locale) or code), "")
        for code in reasons.codes
        if code not in (OTHER, UNKNOWN)
    ]
    options.append((UNKNOWN, "We do not know the reason yet", ""))
    options.append((OTHER, "Another reason, in the words below", ""))
    return visit.page(
        "desk/product_reason.html",
        title=f"Why is {product.name} late?",
        form=form,
        options=options,
        chosen=[now.code] if now else [],
        own=next(iter(now.texts.values()), "") if now else "",
        text=f"Customers of {counted(product.orders, 'order')} read it on their order page and in the next message.",
        action=visit.here,
        back=desk_address("products", product.id),
    )


def give_reason(visit: Visit, form: Form) -> Response:
    """Give the reason why a product is late."""
    product, code, words = _find(visit), form.text("code"), form.text("words")
    if product is None:
        return _gone(visit)
    reasons, locale = visit.context.renderer.reasons, visit.context.shop.locale
    if code not in reasons.codes:
        form.wrong("code", "Choose the reason.")
    if code == OTHER and not words:
        form.wrong("words", "Write the reason in a few words, as “our supplier is late”.")
    if form.errors:
        return ask_reason(visit, form)
    reason = DelayReason(code, {locale: words} if code == OTHER else {})
    key = (ReasonScope.PRODUCT, product.id)
    try:
        with visit.writing() as connection:
            before = load_reason(connection, key)
            save_reason(visit.context, connection, key, reason, visit.person.name)
            clause = reasons.clause(reason, locale) or "it is not known yet"
            entry = record(
                connection,
                **visit.act(form),
                kind=REASONED,
                subject_kind="product",
                subject=product.id,
                what=f"gave the reason why {product.name} is late: {clause}",
                why=form.text("why"),
                before={} if before is None else {"code": before.code, "texts": dict(before.texts)},
                after={"code": code, "texts": dict(reason.texts)},
            )
    except ForewarnError as error:
        raise Refused(sentence(str(error)), links=SEE_LIST) from error
    return visit.done(desk_address("products", product.id), entry)


def undo_reason(visit: Visit, entry: AuditEntry, form: Form) -> int:
    """Let the reason count again that was given before, or none."""
    key, before = (ReasonScope.PRODUCT, entry.subject), entry.before

    def work(connection: Connection) -> str:
        now = load_reason(connection, key)
        if now is None or (now.code, dict(now.texts)) != (entry.after["code"], entry.after["texts"]):
            raise ForewarnError("somebody has given another reason since")
        if before:
            save_reason(visit.context, connection, key, DelayReason(before["code"], before["texts"]), visit.person.name)
            return f"let the reason count again that was given for {entry.subject} before"
        delete_reason(visit.context, connection, key, visit.person.name)
        return f"took back the reason why {entry.subject} is late"

    return undo_act(visit, entry, form, work, (ForewarnError,))


def ask_post(visit: Visit, form: Form = NEW) -> Response:
    """Ask whether a post about a late product is drafted; where too few orders are late, a person writes it."""
    product = _find(visit)
    if product is None:
        return _gone(visit)
    with visit.reading() as connection:
        post = load_posts(visit.context, connection, [product.id]).get(product.id)
        is_worth = bool(late_products(visit.context, connection, visit.today, [product.id]))
    if post is not None:
        return visit.see(desk_address("posts", post.id))
    if not is_worth:
        return visit.see(desk_address("posts", "new", product=product.id, about=PostKind.LATE))
    texts = (
        f"The post says that {product.name} is late, and until when. It names no customer.",
        "It waits for approval, and nothing is published before. You can change its words, and you can undo it.",
    )
    return visit.page(
        "desk/ask.html",
        title=f"Draft a post about {product.name}?",
        form=form,
        texts=texts,
        button="Draft the post",
        action=visit.here,
        back=desk_address("products", product.id),
    )


def draft(visit: Visit, form: Form) -> Response:
    """Draft a post about a late product."""
    product = _find(visit)
    if product is None:
        return _gone(visit)
    with visit.writing() as connection:
        post = draft_post(visit.context, connection, product.id)
        if post is None:
            terms = visit.context.policy.posts
            needs = f"{counted(terms.orders, 'order')} that are {days_words(terms.days)} late or more"
            write = (desk_address("posts", "new", product=product.id, about=PostKind.LATE), "Write one yourself")
            problem = f"No post was drafted: it needs {needs}, and no other post this week."
            raise Refused(problem, links=(write, *SEE_LIST))
        entry = record(
            connection,
            **visit.act(form),
            kind=DRAFTED,
            subject_kind="post",
            subject=post,
            what=f"drafted a post about {product.name}; it waits for approval",
            why=form.text("why"),
            after={"post": post, "product": product.id},
        )
    return visit.done(desk_address("posts", post), entry)


def undo_draft(visit: Visit, entry: AuditEntry, form: Form) -> int:
    """Withdraw a post that was drafted."""

    def work(connection: Connection) -> str:
        if not withdraw_draft(visit.context, connection, entry.after["post"], visit.person.name):
            raise ForewarnError("somebody has decided about the post")
        return f"withdrew the draft of a post about {entry.after.get('product', entry.subject)}"

    return undo_act(visit, entry, form, work, (ForewarnError,))
