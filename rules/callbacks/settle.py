"""Decide what a provider's report does to a message. A message never goes back to an earlier state."""

from models.callbacks import DeliveryReport, Effect, Progress, Settled, Standing
from models.enums import State

OPEN_STATES = (State.SENT, State.IN_DOUBT, State.QUEUED)
"""States that a report may change."""
FAILED_STATES = (State.BOUNCED, State.REJECTED)
NOTHING = Settled(Effect.NOTHING)


def settle(standing: Standing, report: DeliveryReport) -> Settled:
    """Return what a report does to a message.

    Reports come in any order, more than once, and also about an earlier copy of a message that was sent again.
    """
    if report.progress is None:
        return NOTHING
    if standing.state == State.SENDING:
        return Settled(Effect.NOTHING, waits=True)  # its sender is about to record the provider's answer
    match report.progress:
        case Progress.DELIVERED:
            return _delivered(standing)
        case Progress.FAILED:
            return _failed(standing, report)
        case Progress.TAKEN:
            return _taken(standing)


def _taken(standing: Standing) -> Settled:
    """Settle a doubt. A message queued again because nobody knew of it, which the provider has, is not sent again."""
    is_news = standing.state == State.IN_DOUBT or (standing.state == State.QUEUED and not standing.is_requeued)
    return Settled(Effect.SENT, State.SENT) if is_news and standing.same_copy and standing.attempts else NOTHING


def _delivered(standing: Standing) -> Settled:
    if standing.state in OPEN_STATES and standing.attempts:
        return Settled(Effect.DELIVERED, State.DELIVERED)
    return Settled(Effect.CONFLICT) if standing.state in FAILED_STATES and standing.same_copy else NOTHING


def _failed(standing: Standing, report: DeliveryReport) -> Settled:
    if not standing.same_copy:
        return NOTHING
    if standing.state == State.DELIVERED:
        return Settled(Effect.CONFLICT)
    if standing.state not in (State.SENT, State.IN_DOUBT):
        return NOTHING
    if report.retry_after is not None and standing.attempts <= report.max_retries:
        return Settled(Effect.QUEUED, State.QUEUED)
    return Settled(Effect.BOUNCED, State.BOUNCED)
