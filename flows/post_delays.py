"""Compose social posts about products that are late in many orders; staff approve them before they are sent."""

from datetime import date
from typing import Any

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_tasks import publish_artifact, rename_flow_run, run_task
from app.run_tracking import flow_run_name, track_run
from app.safe_text import markdown_cell, markdown_table
from tasks.posts.compose import compose_delay_posts

POST_DELAYS = "post-delays"
NONE = "No product is late in enough orders for a new post this week.\n"


@flow(name=POST_DELAYS, flow_run_name=flow_run_name, retries=0)
async def post_delays(shop: str | None = None, as_of: date | None = None) -> list[str]:
    """Save this week's posts, held until staff approve them; return their ids.

    Args:
        shop: the shop's folder; FOREWARN_SHOP by default.
        as_of: the day to run for; today by default.

    """
    with open_app(shop) as app:
        return await run_post_delays(app, as_of)


async def run_post_delays(app: App, as_of: date | None = None) -> list[str]:
    """Compose and save held posts, at most one a product and week; return their ids."""
    clock = make_clock(app.folder.shop.zone, as_of)
    async with track_run(app, POST_DELAYS, clock) as (context, _):
        posts = await run_task(compose_delay_posts, context)
    await publish_artifact(POST_DELAYS, waiting_posts(posts, NONE), title="Posts that wait for approval")
    await rename_flow_run(f"{POST_DELAYS} {context.as_of}: {len(posts)} to approve")
    return [post["id"] for post in posts]


def waiting_posts(posts: list[dict[str, Any]], nothing: str) -> str:
    """Return the posts that wait for approval as markdown, or the text `nothing` where there are none."""
    if not posts:
        return nothing
    rows = ((f"`{post['id'][:8]}`", str(post["orders"]), markdown_cell(post["text"])) for post in posts)
    return (
        f"# Posts that wait for approval\n\n{markdown_table(('post', 'orders', 'text'), rows)}\n"
        "Approve with `forewarn posts approve POST`, reject with `forewarn posts reject POST`.\n"
    )
