"""What became of a post: by what staff decided, and by how its messages to each network stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.enums import PostState, SkipReason, State


class Progress(StrEnum):
    """How far a post has come."""

    DRAFT = "draft"
    WAITS = "waits"
    APPROVED = "approved"
    SENDING = "sending"
    PUBLISHED = "published"
    TRIAL = "trial"
    """It is in the local outbox only."""
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    OUTDATED = "outdated"
    """Withdrawn as it was to be published, because it was not so any more."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Posted:
    """How a post stands on one network."""

    network: str
    state: State
    reason: str = ""
    trial: bool = False

    @property
    def is_there(self) -> bool:
        """Return whether the network has it."""
        return self.state in (State.SENT, State.DELIVERED)


@dataclass(frozen=True, slots=True)
class PostStatus:
    """How far a post has come, and on which networks it is not as it should be."""

    progress: Progress
    networks: tuple[str, ...] = ()
    """Those on which it failed, or that it may or may not be on."""
    is_elsewhere: bool = False
    """Whether other networks have it."""


def post_status(state: PostState, messages: Sequence[Posted]) -> PostStatus:
    """Return how far a post has come: a problem first, then what is still to come, then what is done."""
    if state is not PostState.APPROVED or not messages:
        return PostStatus(Progress(state))
    elsewhere = any(one.is_there for one in messages)
    for progress, states in (
        (Progress.FAILED, (State.REJECTED, State.BOUNCED)),
        (Progress.IN_DOUBT, (State.IN_DOUBT,)),
    ):
        if networks := tuple(one.network for one in messages if one.state in states):
            return PostStatus(progress, networks, elsewhere)
    if any(one.state is State.SENDING for one in messages):
        return PostStatus(Progress.SENDING, is_elsewhere=elsewhere)
    if any(one.state in (State.QUEUED, State.HELD) for one in messages):
        return PostStatus(Progress.APPROVED, is_elsewhere=elsewhere)
    if elsewhere:
        in_trial = all(one.trial for one in messages if one.is_there)
        return PostStatus(Progress.TRIAL if in_trial else Progress.PUBLISHED)
    outdated = any(one.reason in (SkipReason.CHANGED, SkipReason.TOO_OLD) for one in messages)
    return PostStatus(Progress.OUTDATED if outdated else Progress.WITHDRAWN)
