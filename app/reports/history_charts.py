"""Draw the last weeks: how late orders were, what became of messages, and who was told before the promised date."""

import base64
from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from app.reports.counts import days_late
from app.reports.stock_chart import AXIS, BACKGROUND, TEXT
from models.enums import NETWORK_NAMES, State
from models.policy.policy import Policy
from tasks.reporting.history import TRIAL, History

GRID, GOOD, WAIT, BAD, CALM = "#e4e0d6", "#2c8257", "#d99a2b", "#b5472f", "#b9b3a6"
LATENESS = ("#f0d9a8", "#e0a458", "#c8693a", "#8f2f22", "#5e1a14")
"""From a short delay to a long one, each darker than the one before, so that they differ in grey too."""
OUTCOMES: tuple[tuple[str, str, str], ...] = (
    (State.DELIVERED, "delivered", GOOD),
    (State.SENT, "sent, not confirmed", "#8cbf9f"),
    (TRIAL, "in a trial, to no customer", "#9fb4c8"),
    (State.IN_DOUBT, "in doubt", WAIT),
    (State.BOUNCED, "came back", "#d98873"),
    (State.REJECTED, "refused", BAD),
    (State.SKIPPED, "not sent", CALM),
)
CHANNELS = {"email": "mail", "sms": "text"} | {network: f"post on {name}" for network, name in NETWORK_NAMES.items()}
WIDTH, DPI = 9.0, 110


def history_markdown(policy: Policy, history: History) -> str:
    """Return the pictures as markdown, each with its numbers in words; a sentence where there is nothing to draw."""
    if not history.late and not history.outcomes:
        return "\nPictures of the last weeks follow as soon as a run has found late orders.\n"
    parts = []
    if history.late:
        newest = max(history.late)
        total = sum(history.late[newest].values())
        parts.append(_part("Late orders, by how late", draw_lateness(policy, history), f"{total:,} on {newest:%d %B}."))
    if history.outcomes:
        words = "; ".join(f"{_channel(name)}: {_counted(counts)}" for name, counts in history.outcomes.items())
        parts.append(_part("What became of messages", draw_outcomes(history), f"{words[:1].upper()}{words[1:]}."))
    in_time, too_late = sum(history.in_time.values()), sum(history.too_late.values())
    if in_time or too_late:
        trial = " All in a trial: no customer was told." if history.trial else ""
        words = f"{in_time:,} of {in_time + too_late:,} orders were told by their promised date.{trial}"
        parts.append(_part("Told before the promised date", draw_in_time(history), words))
    return "".join(parts)


def _part(title: str, png: bytes, words: str) -> str:
    picture = base64.b64encode(png).decode()
    return f"\n## {title}\n\n{words}\n\n![{title}: {words}](data:image/png;base64,{picture})\n"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[state]:,} {words}" for state, words, _ in OUTCOMES if counts.get(state))


def draw_lateness(policy: Policy, history: History) -> bytes:
    """Return a PNG of the late orders of each day, in a column by how late they are."""
    figure, axes = _begin(3.3)
    days, buckets = history.days, sorted(policy.bucket, key=lambda bucket: bucket.from_days)
    floor = [0] * len(days)
    for n, bucket in enumerate(buckets):
        values = [history.late.get(day, {}).get(bucket.name, 0) for day in days]
        shade = LATENESS[min(len(LATENESS) - 1, round(n * (len(LATENESS) - 2) / max(1, len(buckets) - 1)))]
        axes.bar(range(len(days)), values, bottom=floor, width=0.82, color=shade, label=days_late(bucket, policy))
        floor = [below + value for below, value in zip(floor, values, strict=True)]
    _label_days(axes, days)
    axes.set_ylabel("orders", color=TEXT, fontsize=9.5)
    return _finish(figure, len(buckets))


def draw_outcomes(history: History) -> bytes:
    """Return a PNG of a bar for each channel, divided by what became of its messages."""
    channels = list(history.outcomes)
    figure, axes = _begin(1.3 + 0.5 * len(channels))
    left = [0] * len(channels)
    shown = [one for one in OUTCOMES if any(counts.get(one[0]) for counts in history.outcomes.values())]
    longest = max(sum(counts.values()) for counts in history.outcomes.values())
    for state, words, colour in shown:
        values = [history.outcomes[channel].get(state, 0) for channel in channels]
        axes.barh(range(len(channels)), values, left=left, height=0.62, color=colour, label=words)
        for y, (start, value) in enumerate(zip(left, values, strict=True)):
            if value >= 0.06 * longest:
                axes.text(
                    start + value / 2, y, f"{value:,}", ha="center", va="center", color=_ink(colour), fontsize=9.5
                )
        left = [start + value for start, value in zip(left, values, strict=True)]
    axes.set_yticks(range(len(channels)), [_channel(name) for name in channels])
    axes.set_ylim(len(channels) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_xlabel("messages", color=TEXT, fontsize=9.5)
    return _finish(figure, min(4, len(shown)))


def draw_in_time(history: History) -> bytes:
    """Return a PNG of the orders first told on each day: those told in time above the line, the others below it."""
    figure, axes = _begin(3.1)
    days = history.days
    above, below = [history.in_time.get(day, 0) for day in days], [-history.too_late.get(day, 0) for day in days]
    axes.bar(range(len(days)), above, width=0.82, color=GOOD, label="told by the promised date")
    axes.bar(range(len(days)), below, width=0.82, color=BAD, label="told after it", hatch="///", edgecolor=BACKGROUND)
    axes.axhline(0, color=AXIS, linewidth=1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    _label_days(axes, days)
    axes.set_ylabel("orders", color=TEXT, fontsize=9.5)
    return _finish(figure, 2)


def _begin(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=BACKGROUND)
    axes.set_axisbelow(True)
    axes.tick_params(colors=TEXT, length=0, labelsize=9.5)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure, axes


def _label_days(axes: Axes, days: Sequence[date]) -> None:
    """Name each Monday, which is often enough to find a day."""
    mondays = [n for n, day in enumerate(days) if day.weekday() == 0]
    axes.set_xticks(mondays, [f"Mon {days[n].day} {days[n]:%b}" for n in mondays])
    axes.set_xlim(-0.7, len(days) - 0.3)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(axis="y", color=GRID, linewidth=0.8)


def _finish(figure: Figure, columns: int) -> bytes:
    figure.legend(loc="outside upper left", ncols=columns, frameon=False, labelcolor=TEXT, fontsize=9.5)
    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI, pil_kwargs={"optimize": True})
    return out.getvalue()


def _channel(name: str) -> str:
    return CHANNELS.get(name, name)


def _ink(colour: str) -> str:
    """Return black or white, whichever is read better on a colour."""
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else TEXT
