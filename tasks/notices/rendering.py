"""Render a plan's messages, each channel by itself: one that cannot be rendered does not stop the others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from models.decisions import Contact, Plan
from models.enums import Channel, SkipReason
from models.messages import Message
from rules.ids import notice_id
from tasks.context import Context
from templates.rendering.environment import TemplateError


@dataclass(slots=True)
class RenderedPlan:
    """A plan with its messages by channel; a contact whose message failed is skipped, with a problem."""

    plan: Plan
    messages: dict[Channel, Message] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Return True when a message failed and none is left."""
        return bool(self.problems) and not self.messages


def render_plan(context: Context, plan: Plan) -> RenderedPlan:
    """Render a message for each usable contact of a plan.

    If none of them can be rendered, the contacts that the customer's preference held back are tried.
    """
    rendered = RenderedPlan(plan)
    contacts = list(_render_contacts(context, rendered, plan.contacts))
    if rendered.failed:
        contacts += _render_contacts(context, rendered, plan.held_back)
    if contacts != list(plan.contacts):
        rendered.plan = replace(plan, contacts=tuple(contacts))
    return rendered


def _render_contacts(context: Context, rendered: RenderedPlan, contacts: Iterable[Contact]) -> Iterator[Contact]:
    """Add the messages of contacts to a rendered plan; yield the contacts, those that failed as skipped."""
    plan = rendered.plan
    for contact in contacts:
        if contact.skip is None:
            key = notice_id(plan.delay.order.id, plan.revision, contact.channel)
            try:
                rendered.messages[contact.channel] = context.renderer.render_message(plan, contact, id=key)
            except TemplateError as error:
                rendered.problems.append(str(error))
                yield replace(contact, skip=SkipReason.RENDER_FAILED)
                continue
        yield contact


def first_rendered(context: Context, plan: Plan, contacts: Iterable[Contact]) -> tuple[Contact, Message] | None:
    """Return the first usable contact whose message can be rendered, with the message; None where there is none."""
    for contact in contacts:
        rendered = render_plan(context, replace(plan, contacts=(contact,), held_back=()))
        if message := rendered.messages.get(contact.channel):
            return contact, message
    return None
