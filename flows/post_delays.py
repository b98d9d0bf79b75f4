"""Compose social posts about products that are late in many orders; staff approve them before they are sent."""

from datetime import date
from typing import Any

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_page import as_state, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.story import Story, simple_story
from app.run_tracking import flow_run_name, track_run
from app.safe_text import markdown_cell, markdown_table
from tasks.posts.compose import compose_delay_posts

POST_DELAYS = "post-delays"
NONE = "No product is late in enough orders for a new post this week.\n"


@flow(name=POST_DELAYS, flow_run_name=flow_run_name, retries=0)
async def post_delays(shop: str | None = None, as_of: date | None = None) -> list[str]:
    """Save this week's posts, which wait until staff approve them; return their ids.

    Args:
        shop: the shop's folder; FOREWARN_SHOP by default.
        as_of: the day to run for; today by default.

    """
    with open_app(shop) as app:
        posts = await run_post_delays(app, as_of)
        story = posts_story(POST_DELAYS, make_clock(app.folder.shop.zone, as_of).as_of, len(posts))
    return as_state(posts, story)  # type: ignore[no-any-return] # callers get its data


async def run_post_delays(app: App, as_of: date | None = None) -> list[str]:
    """Compose and save posts that wait, at most one a product and week; return their ids."""
    clock = make_clock(app.folder.shop.zone, as_of)
    async with track_run(app, POST_DELAYS, clock) as (context, _):
        posts = await run_task(compose_delay_posts, context)
    title = "Posts that wait for approval"
    await publish_artifact(app, POST_DELAYS, waiting_posts(posts, NONE), title=title, run=context.run_id)
    await tell_story(app, posts_story(POST_DELAYS, context.as_of, len(posts)))
    return [post["id"] for post in posts]


def posts_story(flow: str, day: date, posts: int) -> Story:
    """Return the story of a run that composed posts."""
    message = f"{posts:,} new posts wait for approval." if posts else "No product needs a new post."
    return simple_story(flow, day, f"{posts:,} to approve", message, *(("to-approve",) if posts else ()))


def waiting_posts(posts: list[dict[str, Any]], nothing: str) -> str:
    """Return the posts that wait for approval as markdown, or the text `nothing` where there are none."""
    if not posts:
        return nothing
    rows = ((f"`{post['id'][:8]}`", str(post["orders"]), markdown_cell(post["text"])) for post in posts)
    return (
        f"# Posts that wait for approval\n\n{markdown_table(('post', 'orders', 'text'), rows)}\n"
        "Change, schedule and approve them on the desk, under Posts: `/desk/posts`. By the command line: "
        "`forewarn posts approve POST`, `forewarn posts reject POST`.\n"
    )
