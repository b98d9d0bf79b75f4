"""Tell the outcome of a run in sentences, for the name, the tags, the log and the final state that Prefect shows."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.reports.counts import by_days, changes_in_words, counted
from models.policy.policy import Policy
from models.run_report import Report

COMPLETED, HELD, NOT_LIVE = "Completed", "Held", "Not live"
FINAL_STATES = (COMPLETED, HELD, NOT_LIVE)
"""Names of the states in which a run ends without an error."""
REASON = re.compile(
    r"(?P<late>\d+ days? late|not late) \(promised to (?P<act>\w+) by (?P<promised>[\d-]{10}), "
    r"(?:now expected (?P<expected>[\d-]{10})|no date known)\), bucket [\w-]+: (?P<reason>.+)"
)
"""How `rules` state why an order is told."""
MAX_LOGGED = 50
"""Orders whose decision is in a run's log; its table lists more."""


@dataclass(frozen=True, slots=True)
class Story:
    """The outcome of a run."""

    name: str
    """The run's name in lists, with the outcome in a few words."""
    message: str
    """The outcome in a sentence or two."""
    sentences: tuple[str, ...] = ()
    """What was found, decided and why, for the log."""
    state: str = COMPLETED
    tags: tuple[str, ...] = ()


def evaluation_story(flow: str, report: Report, policy: Policy, extra: str = "") -> Story:
    """Return the story of a run that evaluated orders; `extra` adds to its name."""
    told, shop_day = sum(report.changes.values()), report.as_of
    outcome = _evaluated(report, told)
    name = f"{flow} {shop_day}: {outcome}{extra}" + (", with problems" if report.problems else "")
    message = _join(
        [
            f"{report.open:,} open orders, {sum(report.late.values()):,} of them late",
            _to_tell(report, told, policy),
            *report.held.values(),
            "Nothing of this run leaves until a person releases it" if report.held and not report.dry_run else "",
            *report.problems[:3],
        ]
    )
    return Story(
        name,
        message,
        tuple(_evaluation_sentences(report, policy)),
        HELD if report.held and not report.dry_run else COMPLETED,
        _tags(held=bool(report.held), problems=bool(report.problems), **{"dry-run": report.dry_run}),
    )


def _evaluated(report: Report, told: int) -> str:
    if report.held and not told:
        return "would be held" if report.dry_run else "held"
    if report.held:
        return f"{told:,} would be held" if report.dry_run else f"{told:,} held"
    return f"{told:,} to tell"


def _to_tell(report: Report, told: int, policy: Policy) -> str:
    if not told:
        return "No customer has to be told anything new"
    customers = "1 customer has" if told == 1 else f"{told:,} customers have"
    return f"{customers} to be told: {counted(changes_in_words(report.changes, policy))}"


def _evaluation_sentences(report: Report, policy: Policy) -> Iterable[str]:
    if report.open:
        late = counted(by_days(report.late, policy))
        yield f"Found {report.open:,} open orders. Late: {late}."
    yield f"{_to_tell(report, sum(report.changes.values()), policy)}."
    yield from (_decision(plan) for plan in page_rows(report.plans[:MAX_LOGGED]))
    if len(report.plans) > MAX_LOGGED:
        yield f"{len(report.plans) - MAX_LOGGED:,} more decisions are in the table of this run."
    if report.notices:
        yield f"Recorded to be sent: {counted(report.notices)}."
    if report.skipped:
        yield f"Not sent: {counted(_words(report.skipped))}."
    if report.offers:
        yield f"Offered: {counted(_words(report.offers))}."
    if report.limited:
        yield f"{report.limited:,} orders are left to the next run, because this one was limited."
    yield from (f"Held: {why}." for why in report.held.values())
    if not report.held and not report.problems:
        yield "No limit was exceeded, so the messages may leave."
    yield from (f"Problem: {problem}" for problem in report.problems)


def import_sentences(report: Report) -> Iterable[str]:
    """Return what an import read, a sentence for each table."""
    for table, counts in report.imported.items():
        rejected = f", {counts['rejected']:,} rejected" if counts.get("rejected") else ""
        changed = sum(counts.get(name, 0) for name in ("inserted", "updated"))
        yield f"Read {counts['read']:,} rows of {table}: {changed:,} new or changed{rejected}."


def page_rows(plans: Sequence[Mapping[str, str | int]]) -> list[dict[str, str | int]]:
    """Return decisions as rows whose reason and channels fit the width of Prefect's page."""
    return [
        {
            "order": plan["order"],
            "why": short_reason(str(plan["why"])),
            "channels": plan["channels"],
            "remedy": plan["remedy"],
            "days late": plan["days late"],
        }
        for plan in plans
    ]


def short_reason(why: str) -> str:
    """Return the ledger's reason of a notice in fewer words; as it is where it is written in another way."""
    found = REASON.fullmatch(why)
    if found is None:
        return why
    promised, expected = date.fromisoformat(found["promised"]), found["expected"]
    now = f"now {_short_day(date.fromisoformat(expected))}" if expected else "no date known"
    return f"{found['late']}, {found['act']} by {_short_day(promised)}, {now}: {found['reason']}"


def _short_day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _decision(plan: Mapping[str, str | int]) -> str:
    offer = "" if plan["remedy"] == "none" else f" Offered: {plan['remedy']}."
    return f"Order {plan['order']}: {plan['why']}. By {plan['channels'] or 'no channel'}.{offer}"


def delivery_story(flow: str, report: Report) -> Story:
    """Return the story of a run that sent messages."""
    sent, trial = sum(report.sent.values()), sum(report.trial.values())
    rejected = sum(report.rejected.values())
    in_trial = " in a trial" if trial and trial == sent else f", {trial:,} of them in a trial" if trial else ""
    parts = [
        f"{sent:,} sent{in_trial}",
        f"{report.in_doubt:,} in doubt" if report.in_doubt else "",
        f"{rejected:,} refused" if rejected else "",
        f"{report.waiting:,} waiting" if report.waiting else "",
        *(f"{channel} stopped" for channel in report.down),
    ]
    return Story(
        f"{flow} {report.as_of}: {', '.join(part for part in parts if part)}",
        _join(_delivery_sentences(report)) or "Nothing was due.",
        tuple(f"{sentence}." for sentence in _delivery_sentences(report)) or ("Nothing was due.",),
        NOT_LIVE if report.not_live else COMPLETED,
        _tags(
            **{
                "channel-stopped": bool(report.down),
                "in-doubt": bool(report.in_doubt),
                "not-live": bool(report.not_live),
                "trial": bool(trial),
            }
        ),
    )


def _delivery_sentences(report: Report) -> list[str]:
    sent, trial = sum(report.sent.values()), sum(report.trial.values())
    reached = f"Sent {sent:,} messages: {counted(report.sent)}" if sent else ""
    if trial:
        all_of = "All" if trial == sent else f"{trial:,}"
        reached += f". {all_of} of them went to the outbox or a test address: this is a trial, no customer was told"
    return [
        one
        for one in (
            reached,
            *(f"{channel.capitalize()} stopped: {why}" for channel, why in report.down.items()),
            f"{report.in_doubt:,} may or may not have left: none is sent again before that is known"
            if report.in_doubt
            else "",
            f"Refused by the provider: {counted(report.rejected)}" if report.rejected else "",
            f"{report.unreachable:,} customers cannot be reached by any channel: contact them"
            if report.unreachable
            else "",
            f"Not sent: {counted(_words(report.skipped))}" if report.skipped else "",
            f"Tried again later: {counted(_words(report.retrying))}" if report.retrying else "",
            f"Doubts settled with the provider: {counted(_words(report.settled))}" if report.settled else "",
            f"{report.waiting:,} wait for their hour or for another try" if report.waiting else "",
            *report.not_live.values(),
        )
        if one
    ]


def simple_story(flow: str, day: object, outcome: str, message: str, *tags: str) -> Story:
    """Return the story of a run with one result, which is both its name's end and its sentence."""
    return Story(f"{flow} {day}: {outcome}", message, (message,), COMPLETED, tags)


def _tags(**flags: bool) -> tuple[str, ...]:
    return tuple(name for name, on in flags.items() if on)


def _words(counts: Mapping[str, int]) -> dict[str, int]:
    return {name.replace("_", " "): n for name, n in counts.items()}


def _join(parts: Iterable[str]) -> str:
    """Return sentences as one text; each begins large and ends with one full stop."""
    found = [part.strip().rstrip(".") for part in parts if part]
    return "".join(f"{part[0].upper()}{part[1:]}. " for part in found).strip()
