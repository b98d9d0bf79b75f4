"""Commands about what was decided and said."""

import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows import printing
from flows.house import House, clock, open_house
from flows.ledgers import Begin
from flows.options import AsOf, Json, Shop, a_day, day_of
from models.policy import ON_TIME
from models.values import State
from tasks.db import reading
from tasks.runs import Now

offers = typer.Typer(no_args_is_help=True, help="What was offered for the wait.")
posts = typer.Typer(no_args_is_help=True, help="Social posts about late products, held until somebody approves them.")

Who = Annotated[
    str,
    typer.Option(
        help="who decides this; kept in the ledger \\[default: your login]",
        default_factory=getpass.getuser,
        show_default=False,
    ),
]


def now_of(house: House, as_of: datetime | None = None) -> Now:
    """Return the moment, or the day asked for, as a command sees it."""
    return clock(house.folder.shop.zone, day_of(as_of), ahead=True).read()


def status(shop: Shop = None, *, json: Json = False) -> None:
    """Say where everything stands: open orders, notices, posts, purchase requests, the latest runs."""
    from flows.showing import by_delay, counted
    from tasks.status import status as look

    with open_house(shop, begin=Begin.NEVER) as house, reading(house.desk.engine) as connection:
        found, policy = look(connection), house.desk.policy
    if json:
        printing.as_json(found)
        return
    printing.pairs(
        [
            ("Open orders", counted(by_delay(found.orders, policy) | {"on time": found.orders.get(ON_TIME, 0)})),
            ("Notices", counted(found.notices)),
            ("Posts", counted(found.posts)),
            *([("Purchase requests", counted(found.purchases))] if found.purchases else []),
        ]
    )
    if found.for_people:
        printing.out.print(f"\n[bold]{found.for_people} in doubt wait for people: `forewarn settle list`[/]")
    if doubted := found.purchases.get(State.IN_DOUBT):
        said = f"{doubted} purchase requests in doubt wait for people: `forewarn vendors waiting`"
        printing.out.print(f"\n[bold]{said}[/]")
    if found.held:
        printing.out.print("\n[bold]Runs that are held: `forewarn release RUN`, or with --drop[/]")
        printing.rows(found.held, nothing="")
    printing.out.print()
    printing.rows(found.runs, nothing="No run yet: `forewarn run --import` makes the first.")


def release(
    run: Annotated[str, typer.Argument(help="the held run, by the beginning of its id")],
    who: Who,
    shop: Shop = None,
    why: Annotated[str, typer.Option(help="reason; kept in the ledger")] = "",
    *,
    drop: Annotated[bool, typer.Option("--drop", help="never send its notices")] = False,
) -> None:
    """Let the notices of a held run go, or drop them."""
    from tasks.releases import Verdict
    from tasks.releases import release as decide

    with open_house(shop, begin=Begin.NEVER) as house:
        done = decide(house.desk, now_of(house), run, Verdict.DROP if drop else Verdict.LET_GO, who, why)
    outcome = "are dropped" if drop else "go out with the next deliver run"
    printing.out.print(f"Run {done.run[:8]}: {done.notices:,} notices {outcome}.")


@offers.command()
def export(
    file: Annotated[Path, typer.Argument(help="CSV file to write")],
    shop: Shop = None,
    since: Annotated[
        datetime | None, typer.Option(parser=a_day, metavar="DATE", help="only what was offered from this day")
    ] = None,
) -> None:
    """Write the offers as CSV, for the shop system to import the codes."""
    from tasks.offers import export as write

    with open_house(shop, begin=Begin.NEVER) as house:
        written = write(house.desk, file, since.date() if since else None)
    printing.out.print(f"{written:,} offers in {file}", markup=False)


@offers.command("handling-dates")
def handling_dates(
    file: Annotated[Path, typer.Argument(help="CSV file to write")], shop: Shop = None, as_of: AsOf = None
) -> None:
    """Write as CSV which order lines want another handling date in the shop: the short delays nobody is told of."""
    from tasks.handling import export_handling_dates

    with open_house(shop, begin=Begin.NEVER) as house:
        written = export_handling_dates(house.desk, file, now_of(house, as_of).as_of)
    printing.out.print(f"{written:,} order lines in {file}", markup=False)


@posts.command("list")
def list_posts(
    shop: Shop = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="also those that were sent or turned down")] = False,
    json: Json = False,
) -> None:
    """Show the posts that wait for approval."""
    from tasks.posts import listed

    with open_house(shop, begin=Begin.NEVER) as house, reading(house.desk.engine) as connection:
        found = listed(connection, None if everything else State.HELD)
    if json:
        printing.as_json({"posts": found})
        return
    shown = [
        {"post": row["id"][:8], **{name: row[name] for name in ("week", "orders", "state", "text")}} for row in found
    ]
    printing.rows(shown, nothing="No post waits.")


@posts.command()
def approve(post: str, who: Who, shop: Shop = None, as_of: AsOf = None) -> None:
    """Let a post go out with the next deliver run."""
    _decide(post, State.QUEUED, who, "", shop, as_of, "will be posted")


@posts.command()
def reject(
    post: str, who: Who, shop: Shop = None, why: Annotated[str, typer.Option(help="reason")] = "", as_of: AsOf = None
) -> None:
    """Turn a post down for good."""
    _decide(post, State.SKIPPED, who, why, shop, as_of, "is turned down")


def _decide(
    post: str, verdict: State, who: str, why: str, shop: Path | None, as_of: datetime | None, outcome: str
) -> None:
    from tasks.posts import decide_on

    with open_house(shop, begin=Begin.NEVER) as house:
        found = decide_on(house.desk, now_of(house, as_of), post, verdict, who, why)
    printing.out.print(f"Post {found[:8]} {outcome}.")


def doctor(
    shop: Shop = None,
    *,
    providers: Annotated[
        bool, typer.Option("--providers/--no-providers", help="ask providers whether they accept the credentials")
    ] = True,
    json: Json = False,
) -> None:
    """Check settings, ledger, source, providers, schedule and clocks; say what to do. Exits with 1 for a fault."""
    from flows.health import examine

    with printing.working("Examining", quiet=json):
        found = examine(shop, providers=providers)
    if json:
        printing.as_json({"checks": found})
    else:
        printing.rows([{"": one.mark, "what": one.what, "found": one.found, "do": one.do} for one in found], nothing="")
    if any(one.bad for one in found):
        raise typer.Exit(1)
