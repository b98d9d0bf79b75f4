"""The endpoint that returns an order's story, as the desk and its side panel tell it."""

from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import Field

from tasks.db.sql import read_only
from tasks.desk.story import Story, load_story
from web.api.inputs import Id
from web.api.ledger import Ledger
from web.api.orders import UNKNOWN
from web.api.problems import no_order
from web.api.schemas import ChoiceView, OpenView, View
from web.api.views import choice_view, order_view
from web.staff.addresses import message_address, order_address
from web.staff.story_view import can_do, item_view, message_chip, order_chip


class StoryLine(View):
    """A line of the order."""

    line: str
    product: str
    quantity: str
    state: str = Field(description="as staff read it")
    days_late: int
    promised_on: date
    expected_on: date | None
    earliest_on: date | None
    latest_on: date | None
    source: Literal["", "staff", "carrier", "vendor", "stock", "inbound", "forecast", "shop"] = Field(
        description="who says when it comes; empty: nobody does"
    )


class StoryMessage(View):
    """A message about the order; `to` is masked."""

    number: int
    channel: str
    to: str
    subject: str
    state: str = Field(
        description="`held`, `queued`, `sending`, `sent`, `delivered`, `bounced`, `skipped`, `rejected` or `in_doubt`"
    )
    words: str = Field(description="the state as staff read it")
    trial: bool = Field(description="whether it was kept here and reached nobody")
    at: datetime
    link: str = Field(description="its page on the desk, below the service's address")


class StoryLinks(View):
    """Pages about the order, below the service's address."""

    desk: str
    panel: str
    evidence: str


class StoryView(View):
    """An order's story; names and addresses are left out or masked."""

    order: str
    sentence: str = Field(description="what the customer was told or why not, and what happens next")
    state: str = Field(description="how late the order is, as staff read it")
    days_late: int
    expected_on: date | None
    can: str = Field(description="what the customer can choose now, in a sentence; empty: nothing")
    lines: list[StoryLine]
    messages: list[StoryMessage] = Field(description="the oldest first")
    choices: list[ChoiceView] = Field(description="those made so far, the newest first")
    open: OpenView
    links: StoryLinks


class Stories:
    """The endpoint over one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add_to(self, router: APIRouter) -> None:
        """Add the endpoint to a router."""
        router.get("/orders/{order_id}/story", responses=UNKNOWN)(self.story)

    def story(self, order_id: Id) -> StoryView:
        """Return an order's story: the same sentence, lines, messages and choices as the desk shows."""
        context = self._ledger.now()
        with read_only(context.engine) as connection:
            story = load_story(context, connection, order_id)
        if story is None:
            raise no_order(order_id)
        return story_json(story, context.zone.key)


def story_json(story: Story, zone: str) -> StoryView:
    """Return a story as the API has it."""
    page, order = story.page, story.order_id
    view = order_view(page)
    names = ("line", "product", "quantity", "days_late", "promised_on", "expected_on", "earliest_on", "latest_on")
    return StoryView(
        order=order,
        sentence=story.why,
        state=order_chip(story).word,
        days_late=page.days_late,
        expected_on=page.expected_on,
        can=can_do(story),
        lines=[
            StoryLine.model_validate(
                {name: getattr(item, name) for name in names}
                | {"source": item.source, "state": item_view(item, story.as_of).chip.word}
            )
            for item in story.items
        ],
        messages=[
            StoryMessage(
                number=message.number,
                channel=message.channel,
                to=message.to,
                subject=message.subject,
                state=message.state,
                words=message_chip(message, ZoneInfo(zone)).word,
                trial=message.trial,
                at=message.at,
                link=message_address(order, message.number),
            )
            for message in story.messages
        ],
        choices=[choice_view(choice) for choice in page.choices],
        open=view.open,
        links=StoryLinks(
            desk=order_address(order),
            panel=order_address(order).replace("/desk/", "/panel/", 1),
            evidence=order_address(order, "evidence"),
        ),
    )
