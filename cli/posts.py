"""Commands about social posts."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, Who, now_of
from models.enums import State
from tasks.db.sql import read_only

posts = typer.Typer(no_args_is_help=True, help="Social posts about products, held until somebody approves them.")
Post = Annotated[str, typer.Argument(help="post, by the beginning of its id")]


@posts.command("list")
def list_posts(
    shop: Shop = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="include posts that were sent or rejected")] = False,
    json: Json = False,
) -> None:
    """Show the posts that wait for approval."""
    from tasks.posts.review import find_posts

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        rows = find_posts(connection, None if everything else State.HELD)
    if json:
        printing.print_json({"posts": rows})
        return
    shown = [
        {"post": row["id"][:8], **{name: row[name] for name in ("week", "orders", "state", "text")}} for row in rows
    ]
    printing.print_table(shown, nothing="No post waits.")


@posts.command()
def approve(post: Post, who: Who, shop: Shop = None, as_of: AsOf = None) -> None:
    """Approve a post. The next deliver run sends it."""
    _decide(post, State.QUEUED, who, "", shop, as_of, "will be posted")


@posts.command()
def reject(
    post: Post, who: Who, shop: Shop = None, why: Annotated[str, typer.Option(help="reason")] = "", as_of: AsOf = None
) -> None:
    """Reject a post for good."""
    _decide(post, State.SKIPPED, who, why, shop, as_of, "is turned down")


def _decide(
    post: str, decision: State, who: str, why: str, shop: Path | None, as_of: datetime | None, outcome: str
) -> None:
    from tasks.posts.review import review_post

    with open_app(shop, create=CreateLedger.NEVER) as app:
        post_id = review_post(now_of(app, as_of), post, decision, who, why)
    printing.out.print(f"Post {post_id[:8]} {outcome}.")
