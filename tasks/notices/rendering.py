"""Render a plan's messages, each channel by itself: one that fails is skipped, and the others go."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from models.decisions import Contact, Plan
from models.enums import Channel, SkipReason
from models.messages import Message
from rules.ids import notice_id
from tasks.context import Context
from templates.rendering.environment import TemplateError


@dataclass(slots=True)
class RenderedPlan:
    """A plan with its messages by channel; contacts whose words failed are skipped, each with a problem."""

    plan: Plan
    messages: dict[Channel, Message] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Say whether words failed and nothing is left that tells the customer."""
        return bool(self.problems) and not self.messages


def render_plan(context: Context, plan: Plan) -> RenderedPlan:
    """Render each usable contact of a plan.

    If none of them can be rendered, the contacts that the customer's preference held back are tried.
    """
    found = RenderedPlan(plan)
    contacts = list(_render_contacts(context, found, plan.contacts))
    if found.failed:
        contacts += _render_contacts(context, found, plan.held_back)
    found.plan = replace(plan, contacts=tuple(contacts))
    return found


def _render_contacts(context: Context, found: RenderedPlan, contacts: Iterable[Contact]) -> Iterable[Contact]:
    plan = found.plan
    for contact in contacts:
        if contact.skip is None:
            key = notice_id(plan.delay.order.id, plan.revision, contact.channel)
            try:
                found.messages[contact.channel] = context.renderer.render_message(plan, contact, id=key)
            except TemplateError as error:
                found.problems.append(str(error))
                yield replace(contact, skip=SkipReason.RENDER_FAILED)
                continue
        yield contact


def first_rendered(context: Context, plan: Plan, contacts: Iterable[Contact]) -> tuple[Contact, Message] | None:
    """Return the first usable contact that can be rendered, with its message; None where there is none."""
    for contact in contacts:
        found = render_plan(context, replace(plan, contacts=(contact,), held_back=()))
        if message := found.messages.get(contact.channel):
            return contact, message
    return None
