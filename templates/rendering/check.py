"""Check a shop's templates before a customer sees them: read every file, render every sample."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from jinja2 import Environment

from models.config.shop import ShopConfig
from models.enums import Channel
from models.errors import BadShop
from models.experiments import Letter, Wording
from models.messages import Message
from models.policy.experiments import ExperimentPolicy
from models.policy.policy import GOOD_NEWS
from models.policy.words import WordPolicy
from models.quantities import counted
from models.storefront import StorefrontNotice
from templates.rendering import samples, size_limits
from templates.rendering.answer_samples import sample_answers
from templates.rendering.environment import BUILT_IN, GALLERY, TemplateError, template_errors
from templates.rendering.file_names import OWN_PARTS, find_incomplete_languages, find_misnamed_files
from templates.rendering.formats import language_name, match_locale
from templates.rendering.lint import ERROR, WARNING, Problem, lint_templates, lint_words
from templates.rendering.messages import Renderer
from templates.rendering.purchasing import PURCHASE, PurchaseRenderer
from templates.rendering.storefront import STOREFRONT, StorefrontRenderer
from templates.rendering.template_fields import suggest
from templates.rendering.template_sets import MESSAGES, POSTS
from templates.rendering.untranslated import find_untranslated
from templates.rendering.word_rules import missing_words, without_tags

__all__ = ["ERROR", "WARNING", "Problem", "find_errors", "find_problems"]

NOTICE_CHANNELS = (Channel.EMAIL, Channel.SMS)
_PYTHON_NOTATION = re.compile(r"<[\w.]+ object at 0x|\bdatetime\.date\(|\bDecimal\('|\b[A-Z]\w+\(\w+=")


def find_errors(
    shop: ShopConfig,
    own: Path | None,
    messages: Iterable[str] = (),
    experiments: Sequence[ExperimentPolicy] = (),
    words: WordPolicy = WordPolicy(),  # noqa: B008 - frozen
) -> list[Problem]:
    """Return the problems that would stop or spoil a message, without warnings."""
    found = find_problems(shop, own, messages, experiments, words=words)
    return [problem for problem in found if problem.level == ERROR]


def find_problems(
    shop: ShopConfig,
    own: Path | None,
    messages: Iterable[str] = (),
    experiments: Sequence[ExperimentPolicy] = (),
    *,
    only: str | None = None,
    language: str | None = None,
    words: WordPolicy = WordPolicy(),  # noqa: B008 - frozen
) -> list[Problem]:
    """Return the problems of a shop's templates, sorted by file; `messages` are those that only its policy names.

    The second wordings of `experiments` are checked as the messages that they belong to.

    Every file is read, and every message rendered with every sample. `words` are the shop's rules about words. `only`
    limits this to one message, `language` to one language. Raises BadShop for an unknown message or language.
    """
    messages = list(messages)
    folders = (*MESSAGES, *(name for name in messages if name not in MESSAGES))
    own_folder = own if own and own.is_dir() else None
    renderer, languages = Renderer(shop, own_folder), samples.available_languages(own_folder)
    wordings = {one.wording: one for one in experiments}
    _require_message(only, {*folders, *OWN_PARTS, *wordings})
    chosen = _chosen_language(language, languages)
    files = renderer.jinja.list_templates(extensions=["txt", "html"])
    selected = [file for file in files if _is_selected(file, only, chosen)]
    problems = {*lint_templates(renderer.jinja, selected), *_compile_problems(renderer.jinja, selected)}
    for read in (lambda: renderer.reasons.codes, renderer.words.check):
        problems |= set(_problems_of(read))
    if own_folder:
        problems |= set(lint_words(renderer.jinja, selected, own_folder, words, shop.locale))
        file_problems = (
            *find_misnamed_files(own_folder, (*folders, *wordings)),
            *find_incomplete_languages(own_folder, wordings),
            *_untranslated(own_folder),
        )
        problems |= {
            problem
            for problem in file_problems
            if _is_selected(str(Path(problem.file).relative_to(own_folder)), only, chosen)
        }
    to_render = [(name, _required_channels(own_folder, name)) for name in folders if only in {None, name}]
    for locale in languages if chosen is None else [chosen]:
        problems |= {
            *_render_problems(renderer, to_render, locale, words),
            *_wording_problems(
                renderer, [one for one in wordings.values() if only in {None, one.wording}], locale, words
            ),
            *_other_problems(shop, own_folder, renderer, only, locale),
        }
    problems |= {
        _no_part(one)
        for one in wordings.values()
        if only in {None, one.wording} and not renderer.has_wording(one.wording)
    }
    if only is None and (missing := renderer.missing_shop_language(messages)):
        problems.add(Problem("shop.toml", None, missing.removeprefix("shop.toml: ")))
    return sorted(map(_with_short_path, problems), key=_sort_key)


def _untranslated(own: Path) -> Iterator[Problem]:
    for path in sorted(own.glob("*/*.*.*")):
        if found := find_untranslated(own, path):
            language = language_name(found.language)
            if found.sentences:
                said = f"{counted(found.sentences, 'sentence')} not translated: the same as in {language}"
                yield Problem(str(path), None, said, WARNING)
            if found.frame:
                said = f"its greeting, items and choices are in {language}: translate {found.frame}, and extend that"
                yield Problem(str(path), None, said, WARNING)


def _sort_key(problem: Problem) -> tuple[bool, str, int, str]:
    return problem.file != "shop.toml", problem.file, problem.line or 0, problem.what


def _chosen_language(language: str | None, available: list[str]) -> str | None:
    chosen = match_locale(language, available) if language else None
    if language and chosen is None:
        raise BadShop(f"there are no templates in {language!r}; available languages: {', '.join(available)}")
    return chosen


def _require_message(only: str | None, known: set[str]) -> None:
    if only is not None and only not in known:
        raise BadShop(f"no message is named {only!r}{suggest(only, known) or '; ' + ', '.join(sorted(known))}")


def _is_selected(file: str, only: str | None, language: str | None) -> bool:
    """Return whether a template file is to be checked; the layouts belong to every message."""
    folder, _, name = file.partition("/")
    file_language = name.split(".")[1] if name.count(".") > 1 else None
    return folder in {only or folder, "layout"} and (language is None or file_language in {None, language})


def _with_short_path(problem: Problem) -> Problem:
    path = Path(problem.file)
    return replace(problem, file=str(path.relative_to(BUILT_IN.parent))) if path.is_relative_to(BUILT_IN) else problem


def _compile_problems(jinja: Environment, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        if name != GALLERY:
            yield from _problems_of(partial(_compile, jinja, name))


def _compile(jinja: Environment, name: str) -> None:
    with template_errors(name):
        jinja.get_template(name)


def _render_problems(
    renderer: Renderer, messages: Iterable[tuple[str, set[Channel]]], locale: str, words: WordPolicy
) -> Iterator[Problem]:
    for message, channels in messages:
        required = None if message == GOOD_NEWS else words
        for _, plan in samples.sample_plans(message, locale):
            for contact in plan.contacts:
                if contact.channel in channels:
                    render = partial(renderer.render_message, plan, contact, id="check")
                    yield from _problems_of(render, renderer, required)


def _wording_problems(
    renderer: Renderer, experiments: Iterable[ExperimentPolicy], locale: str, words: WordPolicy
) -> Iterator[Problem]:
    """Yield the problems of second wordings, in the languages and channels for which they have a part."""
    for one in experiments:
        channels = {channel for channel in NOTICE_CHANNELS if renderer.differs(one.wording, channel, locale)}
        second = Wording(one.name, Letter.B, one.wording)
        required = None if one.message == GOOD_NEWS else words
        for _, plan in samples.sample_plans(one.message, locale) if channels else ():
            for contact in plan.contacts:
                if contact.channel in channels:
                    render = partial(renderer.render_message, replace(plan, wording=second), contact, id="check")
                    yield from _problems_of(render, renderer, required)


def _no_part(one: ExperimentPolicy) -> Problem:
    part = f"{one.wording}/subject.en.txt or another part of {one.message}"
    what = f"trial {one.name!r} has no second wording, so that both are the same: add {part}"
    return Problem("policy.toml", None, what)


def _other_problems(
    shop: ShopConfig, own: Path | None, renderer: Renderer, only: str | None, locale: str
) -> Iterator[Problem]:
    """Yield the problems of posts, product pages, purchase requests and mails that answer customers."""
    for _, about in samples.sample_posts(locale):
        if only in {None, POSTS[about.kind]}:
            yield from _problems_of(partial(renderer.render_post, about, id="check", locale=locale))
    if only in {None, STOREFRONT}:
        for notice in samples.sample_storefront_notices(locale):
            yield from _problems_of(partial(_render_page, renderer.storefront, notice, locale))
    if only in {None, PURCHASE}:
        purchases = PurchaseRenderer(shop.model_copy(update={"locale": locale}), own)
        for _, purchase in samples.sample_purchases():
            yield from _problems_of(partial(purchases.render, purchase, samples.VENDOR))
    for sample in sample_answers(shop, locale):
        if only in {None, sample.kind}:
            yield from _problems_of(partial(sample.render, renderer.answers), renderer)


def _render_page(renderer: StorefrontRenderer, notice: StorefrontNotice | None, locale: str) -> None:
    renderer.render_page(notice, renderer.choose_language([locale]), schema=None, script="")


def _required_channels(own: Path | None, message: str) -> set[Channel]:
    """Return the channels that a message needs templates for; a message of the shop's own may do without texts."""
    has_texts = message in MESSAGES or (own is not None and any((own / message).glob("sms.*")))
    return {Channel.EMAIL, Channel.SMS} if has_texts else {Channel.EMAIL}


def _problems_of(
    render: Callable[[], object], renderer: Renderer | None = None, words: WordPolicy | None = None
) -> Iterator[Problem]:
    try:
        rendered = render()
    except TemplateError as error:
        yield Problem(error.file, error.line, error.what)
        return
    if renderer is not None and isinstance(rendered, Message) and rendered.channel is Channel.EMAIL:
        yield from _mail_problems(renderer, rendered)
        if words is not None:
            yield from _missing_words(renderer, rendered, words)


def _missing_words(renderer: Renderer, mail: Message, words: WordPolicy) -> Iterator[Problem]:
    """Yield what a mail about a delay must say and does not."""
    second = mail.wording.own_folder if mail.wording else ""
    _, text, html = renderer.template_files(mail.category, Channel.EMAIL, mail.locale, second)
    for file, body in ((text, mail.text), (html, without_tags(mail.html))):
        yield from (Problem(file, None, what) for what in missing_words(body, mail.locale, words))


def _mail_problems(renderer: Renderer, mail: Message) -> Iterator[Problem]:
    """Yield what mail programs would cut off, and values that look like Python's notation."""
    second = mail.wording.own_folder if mail.wording else ""
    subject, text, html = renderer.template_files(mail.category, Channel.EMAIL, mail.locale, second)
    if len(mail.subject) > size_limits.SHOWN_SUBJECT:
        what = f"the subject has {len(mail.subject)} characters; mail programs show {size_limits.SHOWN_SUBJECT}"
        yield Problem(subject, None, what, WARNING)
    for file, body in ((text, mail.text), (html, mail.html)):
        if (size := size_limits.utf8_size(body)) > size_limits.SHOWN_BODY_BYTES:
            what = f"the body of a sample has {size:,} bytes; Gmail cuts mails off at {size_limits.SHOWN_BODY_BYTES:,}"
            yield Problem(file, None, what)
        if python := _PYTHON_NOTATION.search(body):
            yield Problem(file, None, f"prints a value in Python's notation: {python[0]!r}")
