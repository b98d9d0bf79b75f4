"""Measure how well the dates of real orders are forecast: `python -m benchmarks.forecast_report`."""

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
from benchmarks.forecast_scores import PROBABILITIES, TENTHS, WARNING, Score, Scores, Warned
from benchmarks.warning_report import measure_warnings, show_warnings, warnings_data
from models.config.shop import read_shop
from models.errors import BadShop
from models.policy.policy import Policy

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "olist"
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


def main(
    shop: Annotated[Path | None, typer.Argument(help="folder of a shop, for its policy")] = None,
    data: Annotated[Path, typer.Option(help="folder of the Olist files")] = DATA,
    picture: Annotated[Path, typer.Option(help="file of the chart")] = Path("build/forecast.png"),
    to: Annotated[Path | None, typer.Option("--json", help="also write what was measured to this file")] = None,
) -> None:
    """Forecast each order on each morning from what had happened before, then compare with its delivery."""
    if not data.is_dir():
        out.print(f"Nothing was measured: the folder of the real orders is absent ({data}).", soft_wrap=True)
        return
    try:
        policy = read_shop(shop).policy if shop else Policy()
    except BadShop as error:
        raise SystemExit(str(error)) from error
    orders = read_orders(data)
    scores = Scores(policy.forecast, min(bucket.from_days for bucket in policy.bucket if bucket.notify))
    for samples in track(replay(orders, policy.forecast), "mornings", mornings(orders), console=err, transient=True):
        for sample in samples:
            scores.add(sample)
    draw(scores, picture)
    _show(orders, scores)
    out.print(f"\nThe chart is {picture}.", soft_wrap=True)
    warnings, rules = measure_warnings(orders, scores, policy, err)
    show_warnings(warnings, rules, picture.with_name("warnings.png"), out)
    if to:
        measured = _as_data(orders, scores) | {"warnings": warnings_data(warnings, rules)}
        to.write_text(json.dumps(measured, indent=2, default=str) + "\n")


def _as_data(orders: list[Bought], scores: Scores) -> dict[str, object]:
    return {
        "orders": len(orders),
        "forecast": len(scores.days_late),
        "late": scores.late,
        "shown": scores.shown,
        "scores": [asdict(each) for each in scores.table()],
        "months": [asdict(each) for each in scores.months(Method.LEGS)],
        "warned": [asdict(each) for each in _warnings(scores, PROBABILITIES)],
    }


def _show(orders: list[Bought], scores: Scores) -> None:
    late = sum(days >= scores.late for days in scores.days_late.values())
    out.print(
        f"{len(orders):,} orders from {orders[0].bought_on} to {orders[-1].bought_on};"
        f" {len(scores.days_late):,} that arrived were forecast, {late} of them came {scores.late} or more days late.",
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
        "range days",
        *(f"loss {share:.0%}" for share in rows[0].pinball),
    )
    table = _table(f"{stage}: {rows[0].samples:,} samples", "forecast by", *heads)
    for row in rows:
        shares = (f"{share:.1%}" for share in (row.no_date, row.kept, row.in_range))
        table.add_row(row.method, *shares, f"{row.range_days:.1f}", *(f"{loss:.2f}" for loss in row.pinball.values()))
    out.print("", table)


def _show_warned(rows: list[Warned], scores: Scores) -> None:
    heads = ("at", "warned", "of the late", "false", "of the others", "days before")
    table = _table(
        f"warned before the promised day of orders that come {scores.late} or more days late", "forecast by", *heads
    )
    for row in rows:
        ours = " *" if row.probability == scores.shown[1] else ""
        shares = (f"{share:.1%}" for share in (row.of_late, row.false, row.of_others))
        table.add_row(row.method, f"{row.probability:.0%}{ours}", f"{row.told:,}", *shares, f"{row.days_before:.0f}")
    out.print("", table, "* the probability of the dates that customers are shown")


def _warnings(scores: Scores, probabilities: Iterable[float]) -> list[Warned]:
    return [scores.warned(method, share) for method in WARNING for share in probabilities]


def _table(title: str, first: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right")
    return table


if __name__ == "__main__":
    typer.run(main)
