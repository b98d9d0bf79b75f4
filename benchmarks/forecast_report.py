"""Report how well the dates of real orders were forecast: `python -m benchmarks.forecast_report`."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.forecast_orders import Bought, read_orders
from benchmarks.forecast_picture import draw
from benchmarks.forecast_replay import Method, Stage, mornings, replay
from benchmarks.forecast_scores import LIKELIHOODS, TENTHS, WARNING, Score, Scores, Warned
from models.config.shop import read_shop
from models.errors import BadShop
from models.policy.policy import Policy

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "olist"
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


def main(
    shop: Annotated[Path | None, typer.Argument(help="folder of a shop, for its policy")] = None,
    data: Annotated[Path, typer.Option(help="folder of the Olist files")] = DATA,
    picture: Annotated[Path, typer.Option(help="where the picture goes")] = Path("build/forecast.png"),
    to: Annotated[Path | None, typer.Option("--json", help="also write what was measured to this file")] = None,
) -> None:
    """Forecast each order on each morning from what had happened before, then compare with what came."""
    if not data.is_dir():
        out.print(f"Nothing was measured: the folder of the real orders is absent ({data}).", soft_wrap=True)
        return
    try:
        policy = read_shop(shop).policy if shop else Policy()
    except BadShop as error:
        raise SystemExit(str(error)) from error
    orders = read_orders(data)
    scores = Scores(policy.forecast, min(bucket.from_days for bucket in policy.bucket if bucket.notify))
    for looks in track(replay(orders, policy.forecast), "mornings", mornings(orders), console=err, transient=True):
        for look in looks:
            scores.take(look)
    draw(scores, picture)
    _show(orders, scores)
    out.print(f"\nThe picture is {picture}.", soft_wrap=True)
    if to:
        to.write_text(json.dumps(_measured(orders, scores), indent=2, default=str) + "\n")


def _measured(orders: list[Bought], scores: Scores) -> dict[str, object]:
    return {
        "orders": len(orders),
        "forecast": len(scores.slips),
        "late": scores.late,
        "shown": scores.shown,
        "scores": [asdict(one) for one in scores.table()],
        "months": [asdict(one) for one in scores.months(Method.LEGS)],
        "warned": [asdict(one) for one in _warnings(scores, LIKELIHOODS)],
    }


def _show(orders: list[Bought], scores: Scores) -> None:
    late = sum(slip >= scores.late for slip in scores.slips.values())
    out.print(
        f"{len(orders):,} orders from {orders[0].bought_on} to {orders[-1].bought_on};"
        f" {len(scores.slips):,} that arrived were forecast, {late} of them came {scores.late} or more days late.",
        soft_wrap=True,
    )
    table = scores.table()
    for stage in Stage:
        _show_scores(stage, [score for score in table if score.stage is stage], scores)
    _show_warned(_warnings(scores, sorted({*TENTHS, scores.shown[1]})), scores)


def _show_scores(stage: Stage, rows: list[Score], scores: Scores) -> None:
    _, quantile, _ = scores.shown
    heads = (
        "no date",
        f"by {quantile:.0%}",
        "in range",
        "days wide",
        *(f"loss {share:.0%}" for share in rows[0].pinball),
    )
    table = _table(f"{stage}: {rows[0].looks:,} looks", "forecast by", *heads)
    for row in rows:
        shares = (f"{share:.1%}" for share in (row.no_date, row.kept, row.in_range))
        table.add_row(row.method, *shares, f"{row.wide:.1f}", *(f"{loss:.2f}" for loss in row.pinball.values()))
    out.print("", table)


def _show_warned(rows: list[Warned], scores: Scores) -> None:
    heads = ("told at", "told", "of the late", "in vain", "of the others", "days before")
    table = _table(f"told before the day promised that it comes {scores.late} or more days late", "forecast by", *heads)
    for row in rows:
        ours = " *" if row.likelihood == scores.shown[1] else ""
        shares = (f"{share:.1%}" for share in (row.of_late, row.false, row.of_others))
        table.add_row(row.method, f"{row.likelihood:.0%}{ours}", f"{row.told:,}", *shares, f"{row.days_before:.0f}")
    out.print("", table, "* the likelihood of the dates that customers are shown")


def _warnings(scores: Scores, likelihoods: Iterable[float]) -> list[Warned]:
    return [scores.warned(method, share) for method in WARNING for share in likelihoods]


def _table(title: str, first: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right")
    return table


if __name__ == "__main__":
    typer.run(main)
