"""Commands to go live: a test message, `go-live`, supervision."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.console import fail_if_not_ok
from cli.options import AsOf, Json, Shop, Who, as_date, now_of, parse_day
from models.enums import Channel
from models.errors import ForewarnError
from models.messages import Receipt
from rules.going_live import AGES, RolloutFilter, RolloutPreview

supervision = typer.Typer(no_args_is_help=True, help="Hold the notices of every run for approval, or stop it.")


def go_live(
    who: Who,
    shop: Shop = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from", parser=parse_day, metavar="DATE", help="send no notices about delays that began before this day"
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="send notices about this many orders only")] = None,
    only: Annotated[list[str] | None, typer.Option(help="send only to this address or number; can be repeated")] = None,
    as_of: AsOf = None,
    *,
    hold_all: Annotated[
        bool, typer.Option("--hold-all", help="hold all notices, also of later runs, until a person releases them")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show who would be notified; write nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    json: Json = False,
) -> None:
    """Go live: show how many customers would be notified, by age and bucket, ask for confirmation, and notify them.

    Messages sent to the local outbox in a trial no longer count: those customers are notified now. With --limit or
    --only, only these orders are notified, and the channels are not live yet.
    """
    from cli.rollout import preview_rollout, run_go_live

    if since is not None and since.date() > (as_date(as_of) or date.today()):  # noqa: DTZ011 - as the reader counts days
        raise ForewarnError(f"--from {since.date()} is in the future; no delay would be told")
    with open_app(shop, create=CreateLedger.NEVER) as app, printing.progress("Evaluating", quiet=json) as progress:
        addresses = frozenset(_normalize(address, app.context.shop.country) for address in only or ())
        rollout_filter = RolloutFilter(since.date() if since else None, limit, addresses)
        preview = preview_rollout(app, rollout_filter, as_date(as_of), progress=progress)
        if not json:
            _show(preview, rollout_filter, hold_all=hold_all)
        if dry_run:
            if json:
                printing.print_json(_as_data(preview))
            return
    if not yes:
        _ask(preview, hold_all=hold_all)
    with open_app(shop, create=CreateLedger.NEVER) as app, printing.progress("Notifying", quiet=json) as progress:
        report = asyncio.run(
            run_go_live(app, preview, rollout_filter, who, hold_all=hold_all, as_of=as_date(as_of), progress=progress)
        )
    if json:
        printing.print_json(_as_data(preview) | {"report": report.model_dump(mode="json")})
    else:
        from app.reports.run import lines

        printing.out.print()
        printing.print_pairs(lines(report))
    fail_if_not_ok(report)


def _normalize(address: str, country: str) -> str:
    # Here, because every other command would load the numbering plans of all countries as well.
    from rules.contact.addresses import BadAddress, email_address, phone_number

    try:
        return email_address(address) if "@" in address else phone_number(address, country)
    except BadAddress as error:
        raise ForewarnError(str(error)) from error


def _ask(preview: RolloutPreview, *, hold_all: bool) -> None:
    n = len(preview.rollout.tell)
    if not sys.stdin.isatty():
        done = "recorded and held" if hold_all else "told"
        raise ForewarnError(f"{n:,} orders would be {done}; add --yes to run without a terminal")
    what = f"Record the notices of {n:,} orders, and hold them" if hold_all else f"Notify customers of {n:,} orders now"
    if not typer.confirm(f"{what}?"):
        raise ForewarnError("nothing was sent, and nothing was changed")


def _show(preview: RolloutPreview, rollout_filter: RolloutFilter, *, hold_all: bool) -> None:
    rollout = preview.rollout
    printing.print_pairs(
        [
            *((f"By {channel}", str(kind)) for channel, kind in preview.providers.items()),
            ("Trial", f"{preview.trial_notices:,} notices reached no customer so far"),
            (
                "Held for you" if hold_all else "Told now",
                f"{len(rollout.tell):,} orders of {len(rollout.customers):,} customers",
            ),
            *(
                [("Left untold", f"{len(rollout.untold):,} orders late since before {rollout_filter.since}")]
                if rollout_filter.since
                else []
            ),
            *(
                [("Later", f"{rollout.later:,} orders: the channels are not live yet")]
                if rollout_filter.partial
                else []
            ),
            *([("Not reached", f"{rollout.unreachable:,} orders without an address")] if rollout.unreachable else []),
        ]
    )
    if rollout.by_age:
        printing.out.print()
        printing.print_table(_table(rollout.by_age), nothing="")


def _table(by_age: Mapping[tuple[str, str], int]) -> list[dict[str, str | int]]:
    buckets = list(dict.fromkeys(bucket for _, bucket in by_age))
    ages = [name for _, name in AGES if any(age == name for age, _ in by_age)]
    return [{"late for": age, **{bucket: by_age.get((age, bucket), 0) for bucket in buckets}} for age in ages]


def _as_data(preview: RolloutPreview) -> dict[str, Any]:
    rollout = preview.rollout
    return {
        "providers": preview.providers,
        "trial_notices": preview.trial_notices,
        "tell": len(rollout.tell),
        "customers": len(rollout.customers),
        "left_untold": len(rollout.untold),
        "later": rollout.later,
        "unreachable": rollout.unreachable,
        "by_age": _table(rollout.by_age),
    }


@supervision.command("on")
def supervision_on(who: Who, shop: Shop = None) -> None:
    """Hold the notices of every run until a person releases them."""
    _supervise(who, shop, on=True)
    printing.out.print("Supervision is on: `forewarn status` shows held runs, and `forewarn release` releases one.")


@supervision.command("off")
def supervision_off(who: Who, shop: Shop = None) -> None:
    """Let runs send without approval again. Held notices stay held."""
    _supervise(who, shop, on=False)
    printing.out.print("Supervision is off: runs send by themselves, within the limits of the policy.")


def _supervise(who: str, shop: Path | None, *, on: bool) -> None:
    from tasks.going_live.rollout import set_supervision

    with open_app(shop, create=CreateLedger.NEVER) as app, app.context.engine.begin() as connection:
        set_supervision(connection, now_of(app).started_at, who, on=on)


def send_test(
    to: Annotated[str, typer.Option(help="your own mail address, or a phone number for a text")],
    message: Annotated[str, typer.Argument(help="the message, such as week or fortnight")] = "week",
    shop: Shop = None,
    order: Annotated[str | None, typer.Option(help="render this order's messages instead of a sample")] = None,
    language: Annotated[str | None, typer.Option(help="language, such as pt_BR \\[default: the shop's]")] = None,
    as_of: AsOf = None,
) -> None:
    """Send one rendered message to yourself by the channel's provider. The ledger does not record it."""
    from app.trial_message import send_test_message

    with open_app(shop, create=CreateLedger.NEVER) as app:
        address = _normalize(to, app.context.shop.country)
        channel = Channel.EMAIL if "@" in address else Channel.SMS
        receipt = asyncio.run(send_test_message(app, channel, address, message, order, language, as_date(as_of)))
        printing.out.print(_what_became(receipt, app.outbox), markup=False)


def _what_became(receipt: Receipt, outbox: Path) -> str:
    status = receipt.detail.get("status", "accepted")
    if status == "kept":
        return f"Kept on this machine, not sent: open {outbox / 'index.html'} to read it."
    name = f" as {receipt.reference}" if receipt.reference else ""
    return f"The provider took it{name}: {status}."
