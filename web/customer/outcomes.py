"""The pages that say why a choice was not recorded, and what can be done next."""

from models.customers import OrderPage
from tasks.customers.choice_errors import (
    ChoiceConflict,
    ChoiceNotPossible,
    NotOffered,
    StatementChanged,
    SubstituteGone,
    TooLate,
)
from templates.rendering.page_words import PageWords
from web.customer.choice_words import answer_row, choice_rows
from web.customer.links import PageLinks
from web.customer.view_models import NoticeView
from web.customer.view_parts import Anchor

SENTENCES: dict[type[ChoiceNotPossible], tuple[str, str]] = {
    StatementChanged: ("changed_title", "changed_text"),
    TooLate: ("too_late_title", "too_late"),
    SubstituteGone: ("gone_title", "unchanged_text"),
    NotOffered: ("not_offered_title", "unchanged_text"),
}


def conflict_view(words: PageWords, links: PageLinks, page: OrderPage, conflict: ChoiceConflict) -> NoticeView:
    """Return the page that says which choice stands."""
    return NoticeView(
        words.say("conflict_title"),
        (words.say("conflict_text"),),
        rows=choice_rows(words, links, page),
        answer=answer_row(words, links, page, conflict.standing),
    )


def impossible_view(words: PageWords, links: PageLinks, problem: ChoiceNotPossible) -> NoticeView:
    """Return the page that says why a choice is not possible, with those that are."""
    title, text = SENTENCES[type(problem)]
    return NoticeView(words.say(title), (words.say(text),), rows=choice_rows(words, links, problem.page))


def stays_view(words: PageWords, links: PageLinks, problem: ChoiceNotPossible) -> NoticeView:
    """Return the page of a choice that cannot be taken back any more, with those that are possible."""
    texts = (words.say("undo_over_text"),)
    return NoticeView(words.say("undo_over_title"), texts, rows=choice_rows(words, links, problem.page))


def missing_link_view(words: PageWords, links: PageLinks) -> NoticeView:
    """Return the page of a link that is unknown, has expired or was revoked: one page for all three."""
    return NoticeView(
        words.say("missing_link_title"),
        (words.say("missing_link_text"),),
        button=Anchor(links.new_link(), words.say("link_button")),
    )


def bad_form_view(words: PageWords, links: PageLinks) -> NoticeView:
    """Return the page of a form that was changed, or sent by another site."""
    button = Anchor(links.order(), words.say("back")) if links.token else None
    return NoticeView(words.say("form_title"), (words.say("form_text"),), button=button)


def too_many_tries_view(words: PageWords, minutes: int) -> NoticeView:
    """Return the page of an address that has tried too often."""
    return NoticeView(words.say("tries_title"), (words.say("tries_text", minutes=minutes),))


def fault_view(words: PageWords) -> NoticeView:
    """Return the page of an error of ours."""
    return NoticeView(words.say("fault_title"), (words.say("fault_text"),))
