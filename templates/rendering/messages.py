"""Render customer messages and social posts from a shop's templates."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment

from models.config.shop import ShopConfig
from models.decisions import Contact, Plan
from models.enums import Channel
from models.experiments import Wording
from models.messages import Message
from models.posts import ProductDelay, ProductStock
from templates.rendering import size_limits
from templates.rendering.customer_mails import CustomerMailRenderer
from templates.rendering.environment import make_environment, template_errors
from templates.rendering.fill_variables import notice_variables, post_variables
from templates.rendering.fitting import fit_mail, fit_post, fit_sms, text_with_note
from templates.rendering.page_words import WordBook
from templates.rendering.silence import legal_sentences, statements_in
from templates.rendering.stop_words import stop_words
from templates.rendering.storefront import StorefrontRenderer
from templates.rendering.template_sets import POSTS, TemplateCatalog, TemplateSet
from templates.rendering.variables import NoticeVariables

CUSTOMER_CHANNELS = (Channel.EMAIL, Channel.SMS)


class Renderer:
    """Renders a shop's messages: its own templates from the folder `own`, built-in ones for the rest.

    `fallbacks` counts the messages whose language was missing, by that language. Compiled templates are kept in the
    folder `compiled` for other processes, where one is given.
    """

    def __init__(self, shop: ShopConfig, own: Path | None = None, compiled: Path | None = None) -> None:
        self.fallbacks: Counter[str] = Counter()
        self.jinja: Environment = make_environment(own, shop.brand.accent, compiled)
        self.has_own_templates = own is not None
        """Whether words may depend on more than the built-in templates use, such as today's date."""
        self.storefront = StorefrontRenderer(shop, self.jinja)
        self._shop = shop
        self._last_notice: tuple[Plan, str, NoticeVariables, str] | None = None
        self._catalog = TemplateCatalog(shop, self.jinja)
        self.answers = CustomerMailRenderer(self._catalog)
        self.words = WordBook(shop, self.jinja, own)
        self.reasons = self.words.reasons

    def has_language(self, message: str, channel: Channel, language: str) -> bool:
        """Return whether a message has every part in exactly this language."""
        return language in self._catalog.languages(message, channel)

    def missing_shop_language(self, messages: Iterable[str]) -> str:
        """Return one sentence on the mails that lack the shop's own language; empty if none does.

        `messages` are those that the policy names beside the built-in ones.
        """
        return self._catalog.missing_shop_language(messages)

    def template_files(self, message: str, channel: Channel, language: str, wording: str = "") -> list[str]:
        """Return the files that a message's parts are rendered from, with those of a second wording."""
        chosen = self._catalog.choose(message, channel, language, wording)
        return [str(template.filename) for template in chosen.templates]

    def has_wording(self, folder: str) -> bool:
        """Return whether a second wording has some part of a mail or a text, in any language."""
        return any(self._catalog.languages_of_any_part(folder, channel) for channel in CUSTOMER_CHANNELS)

    def differs(self, folder: str, channel: Channel, language: str) -> bool:
        """Return whether a second wording differs in a language: elsewhere no customer takes part in its trial."""
        return language in self._catalog.languages_of_any_part(folder, channel)

    def render_message(self, plan: Plan, contact: Contact, *, id: str) -> Message:  # noqa: A002 - the field's own name
        """Render a plan's message for one channel; raises TemplateError with file, line and order."""
        order = plan.delay.order
        second = plan.wording.own_folder if plan.wording else ""
        template_set = self._choose(plan.message, contact.channel, order.customer.locale, second)
        with template_errors(plan.message, order.id):
            notice, short_silence = self._notice_variables(plan, template_set.language)
            is_mail = contact.channel is Channel.EMAIL
            silence = notice["silence"] if is_mail else short_silence
            variables = {**notice, **template_set.common_variables, "silence": silence}
            if is_mail:
                subject, text, html = fit_mail(template_set, variables)
            else:
                stop = stop_words(self.words, self._shop, contact, template_set.language, plan.delay.as_of)
                subject, text, html = "", fit_sms(template_set, variables, stop), ""
            if plan.note and not is_mail:
                text = text_with_note(text, plan.note)
        if is_mail:
            size_limits.check_mail(template_set.templates, subject, text, html, order.id)
        else:
            size_limits.check_text(template_set.templates[0], text, order.id)
        return Message(
            id=id,
            channel=contact.channel,
            to=contact.address or "",
            text=text,
            locale=template_set.language,
            subject=subject,
            html=html,
            to_name=notice["customer"],
            category=plan.message,
            valid_until=contact.valid_until,
            statements=statements_in(plan, text, silence, notice, is_mail=is_mail),
            has_note=bool(plan.note) and (not is_mail or plan.note in text),
            wording=self._wording_of(plan, contact.channel, template_set.language),
        )

    def render_post(
        self,
        about: ProductDelay | ProductStock,
        *,
        id: str,  # noqa: A002 - the same
        locale: str | None = None,
        network: Channel = Channel.X,
    ) -> Message:
        """Render a post for a network, in the shop's language by default; raises TemplateError with file and line."""
        folder = POSTS[about.kind]
        template_set = self._choose(folder, network, locale)
        with template_errors(folder):
            variables = {**post_variables(about, self._shop), **template_set.common_variables}
            text = fit_post(template_set, variables, about.product.id, network)
        size_limits.check_text(template_set.templates[0], text)
        return Message(id=id, channel=network, to="", text=text, locale=template_set.language, category=folder)

    def _notice_variables(self, plan: Plan, language: str) -> tuple[NoticeVariables, str]:
        """Return the variables of a plan's messages, and what its text says of silence.

        They are the same for its mail and its text in one language.
        """
        last = self._last_notice
        if last is None or last[0] is not plan or last[1] != language:
            says = legal_sentences(self.words, plan, language)
            variables = notice_variables(
                plan, self._shop, lambda reason: self.reasons.clause(reason, language), says.silence, says.rights
            )
            last = self._last_notice = plan, language, variables, says.short_silence
        return last[2], last[3]

    def _wording_of(self, plan: Plan, channel: Channel, language: str) -> Wording | None:
        wording = plan.wording
        return wording if wording is not None and self.differs(wording.folder, channel, language) else None

    def _choose(self, message: str, channel: Channel, language: str | None, wording: str = "") -> TemplateSet:
        template_set = self._catalog.choose(message, channel, language, wording)
        self.fallbacks.update(
            f"{missing} ({template_set.language} was used)" for missing in template_set.missing_languages
        )
        return template_set
