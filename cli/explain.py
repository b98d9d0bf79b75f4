"""`forewarn explain`: the history of one order."""

from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, now_of
from tasks.db.sql import read_only


def explain(
    order: Annotated[str, typer.Argument(help="the order's number")],
    shop: Shop = None,
    as_of: AsOf = None,
    *,
    json: Json = False,
) -> None:
    """Show one order: its facts, its delay, what was sent and when, and what would be sent now, or why nothing."""
    from tasks.reporting.explain_order import explain_order as tell

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        story = tell(now_of(app, as_of), connection, order)
    if json:
        printing.print_json(story)
    else:
        # What was done and decided is told as it stands, even of a day on which it was not known yet.
        _tell(story, ", as of now" if as_of else "")


def _tell_supply(found: dict[str, Any], when: str) -> None:
    if found["covered"]:
        printing.out.print(f"\n[bold]Covered by{when}[/]")
        printing.print_table(found["covered"], nothing="")
    if found["dates"]:
        printing.out.print(f"\n[bold]Expected{when}[/]")
        for one in found["dates"]:
            day = one["expected_on"] or "no date"
            ended = f", until {one['ended_at']:%Y-%m-%d %H:%M}" if one["ended_at"] else ""
            since = f"since {one['set_at']:%Y-%m-%d %H:%M}{ended} (UTC)"
            span = f", between {one['earliest_on']} and {one['latest_on']}" if one["earliest_on"] else ""
            said = f"  line {one['line']}: {day}{span} ({one['source']}), {since}: {one['why']}"
            printing.out.print(said, markup=False)
    if found["asked"]:
        printing.out.print(f"\n[bold]Requested from vendors{when}[/]")
        printing.print_table(found["asked"], nothing="")
    if found["shipping"]:
        printing.out.print(f"\n[bold]Shipping{when}[/]")
        printing.out.print(found["shipping"]["why"], markup=False)


def _lines(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines as they are shown: pieces shipped and owed only where a line was sent or cancelled in part."""
    if any(line["owed"] not in (0, line["quantity"]) for line in found):
        return found
    return [{name: value for name, value in line.items() if name not in ("shipped", "owed")} for line in found]


def _tell(story: dict[str, Any], when: str) -> None:
    customer = story["customer"]
    reach = ", ".join(filter(None, (customer["email"], customer["phone"]))) or "no address"
    opted_out = ", opted out" if customer["opted_out"] else ""
    cancelled = f", cancelled {story['cancelled_on']}" if story["cancelled_on"] else ""
    unpaid = ", not paid yet" if story["unpaid"] else ""
    known = f"expected {story['expected_on']}" if story["expected_on"] else "no date known"
    late = f"{story['days']} days late, {known}, bucket {story['bucket']}" if story["days"] else story["bucket"]
    printing.print_pairs(
        [
            ("Order", f"{story['order']}, placed {story['placed_on']}{cancelled}{unpaid}"),
            ("Customer", f"{customer['name']} ({reach}{opted_out})"),
            (f"On {story['as_of']}", late.replace("_", " ")),
        ]
    )
    printing.out.print("\n[bold]Lines[/]")
    printing.print_table(_lines(story["lines"]), nothing="none")
    if story["parcels"]:
        printing.out.print("\n[bold]Parcels[/]")
        printing.print_table(story["parcels"], nothing="")
    _tell_supply(story["supply"], when)
    printing.out.print(f"\n[bold]Told so far{when}[/]")
    hidden = ("id", "events", "why", "told_on", "run_id", "trial", "not_before")
    told = [
        {key: value for key, value in notice.items() if key not in hidden}
        | {"state": "trial" if notice["trial"] else notice["state"]}
        for notice in story["told"]
    ]
    printing.print_table(told, nothing="nothing")
    for notice in story["told"]:
        printing.out.print(f"  r{notice['revision']} {notice['channel']}: {notice['why']}", markup=False)
    if story["offers"]:
        printing.out.print(f"\n[bold]Offered{when}[/]")
        printing.print_table(story["offers"], nothing="")
    now = story["now"]
    printing.out.print("\n[bold]Now[/]")
    again = f"; evaluated again on {story['next_check_on']}" if story["next_check_on"] else ""
    if now["say"] is None:
        printing.out.print(f"Nothing would be sent: {now['why']}{again}.", markup=False)
        return
    opening = "Would send" if "would be sent" in now["channels"].values() else "Nobody can be reached; would send"
    printing.out.print(f"{opening} '{now['say']}': {now['why']}{again}.", markup=False)
    printing.print_pairs([(channel, said) for channel, said in now["channels"].items()])
    for problem in now["problems"]:
        printing.out.print(f"  {problem}", markup=False)
