"""Commands about social posts."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, Who, now_of
from models.enums import Channel, PostState, State
from tasks.db.sql import read_only

posts = typer.Typer(
    no_args_is_help=True,
    help="Social posts. Nothing is published before somebody has approved it; on the desk they are also edited.",
)
Post = Annotated[str, typer.Argument(help="post, by the beginning of its id")]
Hour = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d %H:%M"], help="when to publish it, in the shop's zone")]
At = Annotated[
    datetime | None,
    typer.Option("--at", formats=["%Y-%m-%d %H:%M"], help="when to publish it, in the shop's zone; else when approved"),
]


@posts.command("list")
def list_posts(
    shop: Shop = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="include drafts, and posts that are decided")] = False,
    json: Json = False,
) -> None:
    """Show the posts that wait for approval."""
    from tasks.posts.review import find_posts

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        rows = find_posts(connection, None if everything else PostState.WAITS)
        zone = app.context.zone
    if json:
        printing.print_json({"posts": rows})
        return
    shown = [
        {
            "post": row["id"][:8],
            "publish": f"{row['publish_at'].astimezone(zone):%Y-%m-%d %H:%M}" if row["publish_at"] else "when approved",
            "networks": ", ".join(row["networks"]),
            "state": row["status"],
            "text": row["text"],
        }
        for row in rows
    ]
    printing.print_table(shown, nothing="No post waits.")


@posts.command()
def approve(post: Post, who: Who, shop: Shop = None, as_of: AsOf = None) -> None:
    """Approve a post. It is published at its hour, or else by the next deliver run."""
    _decide(post, State.QUEUED, who, "", shop, as_of, "will be posted")


@posts.command()
def reject(
    post: Post, who: Who, shop: Shop = None, why: Annotated[str, typer.Option(help="reason")] = "", as_of: AsOf = None
) -> None:
    """Reject a post. It is withdrawn, and not published."""
    _decide(post, State.SKIPPED, who, why, shop, as_of, "is turned down")


def _decide(
    post: str, decision: State, who: str, why: str, shop: Path | None, as_of: datetime | None, outcome: str
) -> None:
    from tasks.posts.review import review_post

    with open_app(shop, create=CreateLedger.NEVER) as app:
        post_id = review_post(now_of(app, as_of), post, decision, who, why)
    printing.out.print(f"Post {post_id[:8]} {outcome}.")


@posts.command()
def write(
    text: Annotated[str, typer.Argument(help="the text, for all networks")],
    who: Who,
    shop: Shop = None,
    product: Annotated[str | None, typer.Option(help="number of the product that it is about")] = None,
    network: Annotated[list[Channel] | None, typer.Option(help="network; may be repeated")] = None,
    at: At = None,
    as_of: AsOf = None,
) -> None:
    """Write a post. It waits for approval."""
    from models.posts import PostWords, Writer
    from tasks.posts.written import hour_of_shop, write_and_ask

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app, as_of)
        moment = hour_of_shop(context, at) if at else None
        words = PostWords(text, tuple(network or context.networks), publish_at=moment)
        post_id = write_and_ask(context, words, Writer(who), product)
    printing.out.print(f"Post {post_id[:8]} waits for approval.")


@posts.command()
def schedule(post: Post, at: Hour, who: Who, shop: Shop = None, as_of: AsOf = None) -> None:
    """Set when a post that waits for approval is published."""
    from models.posts import Writer
    from tasks.posts.written import hour_of_shop, schedule_post

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app, as_of)
        post_id = schedule_post(context, post, hour_of_shop(context, at), Writer(who))
    printing.out.print(f"Post {post_id[:8]} is published on {at:%Y-%m-%d at %H:%M}, once it is approved.")
