"""Learn from past orders how likely open ones are to end late, and compare what was said before with what came."""

import asyncio
from dataclasses import asdict
from datetime import date
from typing import Any

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_page import as_state, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.early_warning import learnt_markdown, learnt_sentence
from app.reports.story import Story, simple_story
from app.run_tracking import flow_run_name, track_run
from tasks.context import Context
from tasks.early_warning.learn import LEARN, Learnt, learn_from, read_past
from tasks.guardrails.run_days import check_not_before_last


@flow(name=LEARN, flow_run_name=flow_run_name, retries=0)
async def learn(shop: str | None = None, as_of: date | None = None) -> dict[str, Any]:
    """Learn from past orders, and say of each open one how likely it is to end late.

    Args:
        shop: the shop's folder; FOREWARN_SHOP by default.
        as_of: the day to run for; today by default.

    """
    with open_app(shop) as app:
        learnt = await run_learn(app, as_of)
    return as_state(asdict(learnt), _story(learnt))  # type: ignore[no-any-return] # callers get its data


async def run_learn(app: App, as_of: date | None = None) -> Learnt:
    """Learn as of the morning of a day, store the version, and show how far earlier ones were off."""
    clock = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_not_before_last, app.context, LEARN, clock.as_of)
    async with track_run(app, LEARN, clock) as (context, _):
        learnt = await run_task(learn_all, context)

    page = learnt_markdown(app.folder.shop.name, learnt)
    await publish_artifact(app, LEARN, page, title="How likely late orders are", run=context.run_id)
    await tell_story(app, _story(learnt))
    return learnt


def learn_all(context: Context) -> Learnt:
    """Read the past and learn from it: one task, because what it reads is large."""
    return learn_from(context, read_past(context), context.policy.warning.late_days)


def _story(learnt: Learnt) -> Story:
    outcome = f"{learnt.late:,} of {learnt.orders:,} past orders late"
    return simple_story(
        LEARN, learnt.as_of, outcome, learnt_sentence(learnt), *(("off",) if learnt.drift.drifted else ())
    )
