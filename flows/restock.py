"""Allocate goods that arrived, record the notices due, and compose posts about products that are back."""

from dataclasses import replace
from datetime import date

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_page import publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.story import evaluation_story
from app.run_tracking import flow_result, flow_run_name, track_run
from flows.allocate import run_allocate
from flows.late_orders import run_late_orders
from flows.post_delays import waiting_posts
from models.batches import Progress, no_progress
from models.run_report import Report
from tasks.posts.compose import compose_stock_posts

RESTOCK = "restock"
NO_POSTS = "No product is back in stock or running low that has no post yet.\n"


@flow(name=RESTOCK, flow_run_name=flow_run_name, retries=0)
async def restock(shop: str | None = None, as_of: date | None = None, *, import_first: bool = True) -> Report:
    """Record good news for orders whose goods arrived; `deliver` sends it, and people approve the posts.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to run for; today where none is given.
        import_first: whether to import the shop's data first.

    """
    with open_app(shop) as app:
        report, posts = await run_restock(app, as_of, import_first=import_first)
        story = evaluation_story(RESTOCK, report, app.context.policy, f", {len(posts)} to approve")
    return flow_result(report, story)


async def run_restock(
    app: App, as_of: date | None = None, *, import_first: bool = False, progress: Progress = no_progress
) -> tuple[Report, list[str]]:
    """Allocate, record notices and compose posts; return the report, and the ids of the new posts.

    The notices are all that `late-orders` would record, bad news too: a customer never gets only the good half.
    """
    clock = make_clock(app.folder.shop.zone, as_of)
    async with track_run(app, RESTOCK, clock) as (context, _):
        if not import_first:
            await run_allocate(app, as_of, progress=progress)

        report = await run_late_orders(app, as_of, import_first=import_first, progress=progress)

        posts = await run_task(compose_stock_posts, context)
    title = "Posts that wait for approval"
    await publish_artifact(app, RESTOCK, waiting_posts(posts, NO_POSTS), title=title, run=context.run_id)
    story = evaluation_story(RESTOCK, report, app.context.policy, f", {len(posts):,} to approve")
    await tell_story(app, replace(story, sentences=(f"{len(posts):,} new posts wait for approval.",)))
    return report, [post["id"] for post in posts]
