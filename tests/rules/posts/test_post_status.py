"""What became of a post, by its messages."""

import pytest

from models.enums import PostState, SkipReason, State
from rules.posts.status import Posted, PostStatus, Progress, post_status


def on(**states):
    return [Posted(network, State(state)) for network, state in states.items()]


@pytest.mark.parametrize("state", [PostState.DRAFT, PostState.WAITS, PostState.WITHDRAWN])
def test_before_it_is_approved_staff_decide_its_state(state):
    assert post_status(state, on(x="skipped")) == PostStatus(Progress(state))


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        (on(x="queued", bluesky="queued"), PostStatus(Progress.APPROVED)),
        (on(x="sending", bluesky="queued"), PostStatus(Progress.SENDING)),
        (on(x="sent", bluesky="queued"), PostStatus(Progress.APPROVED, is_elsewhere=True)),
        (on(x="sent", bluesky="delivered"), PostStatus(Progress.PUBLISHED)),
        (on(x="sent", bluesky="skipped"), PostStatus(Progress.PUBLISHED)),
        (on(x="rejected", bluesky="sent"), PostStatus(Progress.FAILED, ("x",), is_elsewhere=True)),
        (on(x="rejected", bluesky="in_doubt"), PostStatus(Progress.FAILED, ("x",))),
        (on(x="in_doubt", bluesky="queued"), PostStatus(Progress.IN_DOUBT, ("x",))),
        ([Posted("x", State.SENT, trial=True)], PostStatus(Progress.TRIAL)),
        ([Posted("x", State.SKIPPED, SkipReason.CHANGED)], PostStatus(Progress.OUTDATED)),
        ([Posted("x", State.SKIPPED, SkipReason.DROPPED)], PostStatus(Progress.WITHDRAWN)),
    ],
)
def test_of_an_approved_post_its_messages_say_it(messages, status):
    assert post_status(PostState.APPROVED, messages) == status
