"""Compose social posts about products that are late in many orders; people approve them before they leave."""

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
    """Write this week's posts and hold them; return their ids.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to live; today where none is given.

    """
    with open_app(shop) as app:
        return await run_post_delays(app, as_of)


async def run_post_delays(app: App, as_of: date | None = None) -> list[str]:
    """Compose at most one post a product and week, and hold it."""
    time = make_clock(app.folder.shop.zone, as_of)
    async with track_run(app, POST_DELAYS, time) as (context, _):
        posts = await run_task(compose_delay_posts, context)
    await publish_artifact(POST_DELAYS, waiting_posts(posts, NONE), title="Posts that wait for approval")
    await rename_flow_run(f"{POST_DELAYS} {context.as_of}: {len(posts)} to approve")
    return [post["id"] for post in posts]


def waiting_posts(posts: list[dict[str, Any]], nothing: str) -> str:
    """Return as markdown the posts that wait for approval, or else that there is nothing."""
    if not posts:
        return nothing
    rows = ((f"`{post['id'][:8]}`", str(post["orders"]), markdown_cell(post["text"])) for post in posts)
    return (
        f"# Posts that wait for approval\n\n{markdown_table(('post', 'orders', 'text'), rows)}\n"
        "Approve with `forewarn posts approve POST`, turn down with `forewarn posts reject POST`.\n"
    )
