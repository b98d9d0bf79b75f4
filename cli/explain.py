"""`forewarn explain`: the history of one order."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, now_of
from models.reasons import SCOPE_NAMES
from tasks.db.sql import read_only


def explain(
    order: Annotated[str, typer.Argument(help="the order's number")],
    shop: Shop = None,
    as_of: AsOf = None,
    *,
    json: Json = False,
) -> None:
    """Show one order: its facts, its delay, what was sent and when, and what would be sent now, or why nothing."""
    from app.next_run import next_check
    from tasks.desk.health import last_success
    from tasks.desk.why import explain_why
    from tasks.reporting.explain_order import explain_order

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        context = now_of(app, as_of)
        explained = {"sentence": "", **explain_order(context, connection, order)}
        explained["sentence"] = explain_why(context, connection, order)
        check = (
            None if as_of else next_check(app.settings, app.folder.shop, datetime.now(UTC), last_success(connection))
        )
        zone = context.zone
    if json:
        printing.print_json(explained)
    else:
        # What was done and decided is told as it stands, even of a day on which it was not known yet.
        _print_order(explained, ", as of now" if as_of else "")
        if check is not None:
            local = check.astimezone(zone)
            printing.out.print(f"All orders are checked next on {local:%Y-%m-%d at %H:%M} ({zone.key}).", markup=False)


def _print_supply(supply: dict[str, Any], when: str) -> None:
    if supply["covered"]:
        printing.out.print(f"\n[bold]Covered by{when}[/]")
        printing.print_table(supply["covered"], nothing="")
    if supply["dates"]:
        printing.out.print(f"\n[bold]Expected{when}[/]")
        for stored in supply["dates"]:
            day = stored["expected_on"] or "no date"
            ended = f", until {stored['ended_at']:%Y-%m-%d %H:%M}" if stored["ended_at"] else ""
            since = f"since {stored['set_at']:%Y-%m-%d %H:%M}{ended} (UTC)"
            span = f", between {stored['earliest_on']} and {stored['latest_on']}" if stored["earliest_on"] else ""
            sentence = f"  line {stored['line']}: {day}{span} ({stored['source']}), {since}: {stored['why']}"
            printing.out.print(sentence, markup=False)
    if supply["requests"]:
        printing.out.print(f"\n[bold]Requested from vendors{when}[/]")
        printing.print_table(supply["requests"], nothing="")
    if supply["shipping"]:
        printing.out.print(f"\n[bold]Shipping{when}[/]")
        printing.out.print(supply["shipping"]["why"], markup=False)


def _print_clock(lines: list[dict[str, Any]]) -> None:
    """Print the history of each line's promise, and where it stands by the law of its country."""
    if not lines:
        return
    printing.out.print("\n[bold]Promise clock[/]")
    for line in lines:
        printing.out.print(f"  line {line['line']}, by the rules of {line['country']}:", markup=False)
        for entry in line["timeline"]:
            printing.out.print(f"    {entry['on']}  {entry['what']}", markup=False)


def _print_choices(choices: list[dict[str, Any]], when: str) -> None:
    if not choices:
        return
    printing.out.print(f"\n[bold]Chosen by the customer{when}[/]")
    shown = ("choice", "act", "state", "lines", "product", "expected_on", "refund", "currency", "made_by")
    printing.print_table([{name: choice[name] for name in shown} for choice in choices], nothing="")
    for choice in choices:
        reason = f", because: {choice['why']}" if choice["why"] else ""
        printing.out.print(f"  {choice['choice']}: {choice['made_at']:%Y-%m-%d %H:%M} (UTC){reason}", markup=False)


def _shown_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines as they are shown: pieces shipped and owed only where a line was sent or cancelled in part."""
    lines = [{name: value for name, value in line.items() if name != "reason"} for line in lines]
    if any(line["owed"] not in (0, line["quantity"]) for line in lines):
        return lines
    return [{name: value for name, value in line.items() if name not in ("shipped", "owed")} for line in lines]


def _print_reasons(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        if reason := line["reason"]:
            why = f" because {reason['text']}" if reason["text"] else f": {reason['code']}, without words for customers"
            sentence = f"  line {line['line']} is late{why} (given for the {SCOPE_NAMES[reason['given_for']]})"
            printing.out.print(sentence, markup=False)


def _consent_text(standings: list[dict[str, Any]]) -> str:
    """Return which messages may go to the customer; a consent whose source or time is known comes with both."""
    allowed = [f"{one['purpose']} by {one['channel']}" for one in standings if one["allowed"]]
    done = [_origin_text(one) for one in standings if one["at"] or one["detail"]]
    return "; ".join([", ".join(allowed) or "none", *dict.fromkeys(done)])


def _origin_text(standing: dict[str, Any]) -> str:
    when = f"on {standing['at']:%Y-%m-%d}" if standing["at"] else ""
    origin = ", ".join(filter(None, (standing["channel"], standing["detail"], when)))
    return f"{standing['why']} ({origin})"


def _print_order(explained: dict[str, Any], when: str) -> None:
    printing.out.print(f"{explained['sentence']}\n", markup=False)
    customer = explained["customer"]
    addresses = ", ".join(filter(None, (customer["email"], customer["phone"]))) or "no address"
    opted_out = ", opted out" if customer["opted_out"] else ""
    cancelled = f", cancelled {explained['cancelled_on']}" if explained["cancelled_on"] else ""
    unpaid = ", not paid yet" if explained["unpaid"] else ""
    known = f"expected {explained['expected_on']}" if explained["expected_on"] else "no date known"
    late = (
        f"{explained['days']} days late, {known}, bucket {explained['bucket']}"
        if explained["days"]
        else explained["bucket"]
    )
    printing.print_pairs(
        [
            ("Order", f"{explained['order']}, placed {explained['placed_on']}{cancelled}{unpaid}"),
            ("Customer", f"{customer['name']} ({addresses}{opted_out})"),
            ("Consent", _consent_text(explained["consent"])),
            (f"On {explained['as_of']}", late.replace("_", " ")),
        ]
    )
    printing.out.print("\n[bold]Lines[/]")
    printing.print_table(_shown_lines(explained["lines"]), nothing="none")
    _print_reasons(explained["lines"])
    if explained["parcels"]:
        printing.out.print("\n[bold]Parcels[/]")
        printing.print_table(explained["parcels"], nothing="")
    _print_supply(explained["supply"], when)
    printing.out.print(f"\n[bold]Told so far{when}[/]")
    hidden = {"id", "events", "why", "told_on", "run_id", "trial", "not_before"}
    if not any(notice["experiment"] for notice in explained["told"]):
        hidden |= {"experiment", "wording"}
    if all(notice["words"] in {"kept", "none"} for notice in explained["told"]):
        hidden.add("words")
    told = [
        {key: value for key, value in notice.items() if key not in hidden}
        | {"state": "trial" if notice["trial"] else notice["state"]}
        for notice in explained["told"]
    ]
    printing.print_table(told, nothing="nothing")
    for notice in explained["told"]:
        printing.out.print(f"  r{notice['revision']} {notice['channel']}: {notice['why']}", markup=False)
    _print_clock(explained["promise_clock"])
    if explained["offers"]:
        printing.out.print(f"\n[bold]Offered{when}[/]")
        printing.print_table(explained["offers"], nothing="")
    _print_choices(explained["choices"], when)
    now = explained["now"]
    printing.out.print("\n[bold]Now[/]")
    again = f"; evaluated again on {explained['next_check_on']}" if explained["next_check_on"] else ""
    if now["message"] is None:
        printing.out.print(f"Nothing would be sent: {now['why']}{again}.", markup=False)
        return
    opening = "Would send" if "would be sent" in now["channels"].values() else "Nobody can be reached; would send"
    wording = f", wording {now['wording']}" if now["wording"] else ""
    printing.out.print(f"{opening} '{now['message']}'{wording}: {now['why']}{again}.", markup=False)
    printing.print_pairs([(channel, outcome) for channel, outcome in now["channels"].items()])
    for problem in now["problems"]:
        printing.out.print(f"  {problem}", markup=False)
