"""Keep requests in flight between turns: send what a turn marked, and hand the answers to the next turn."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.enums import State
from models.messages import DeliveryOutcome
from tasks.delivery.backoff import message_retry_delay
from tasks.delivery.message_kind import Outgoing
from tasks.delivery.turn import TurnResult, Turns

CHANNEL_PAUSE_THRESHOLD = timedelta(seconds=10)
"""A Retry-After above this pauses the whole channel; a shorter one delays only the message that got it."""
RATE_POLL_SECONDS = 0.05
"""Pause before the rate limit is checked again after it allowed no message."""
ANSWER_GRACE_SECONDS = 0.001
"""How long to wait for more answers after the first one: a turn costs about the same for one answer as for many."""
MOMENT = timedelta(microseconds=1)
LEASE_OVER = "its lease was nearly over before it could be sent"
NOT_SENT = "the run ended before it was sent"
Conclude = Callable[[Outgoing, DeliveryOutcome, datetime], DeliveryOutcome]


class Sender:
    """Sends for one deliver run; at most `concurrency` requests are in flight, and `claim_ahead` messages wait for one.

    A request begins only while its message's lease outlasts it, however long the process stood still: later, another
    worker may put the message in doubt and settle it.
    """

    def __init__(
        self,
        turns: Turns,
        concurrency: int,
        clock: Callable[[], datetime],
        conclude: Conclude,
        count: Callable[[TurnResult], None],
        claim_ahead: int = 0,
    ) -> None:
        self._turns, self._concurrency, self._clock = turns, concurrency, clock
        self._conclude, self._count = conclude, count
        self._free = concurrency + claim_ahead
        """Messages that may still be marked as sending."""
        self._waiting: deque[tuple[Outgoing, datetime]] = deque()
        """Marked messages whose request has not begun, each with the moment until which it may."""
        self._in_flight: set[asyncio.Task[None]] = set()
        self._answers: list[DeliveryOutcome] = []
        self._answered = asyncio.Event()
        self._last_moment: datetime | None = None

    async def send_all(self) -> None:
        """Take turns and send until nothing more may leave.

        When it is cancelled it takes no more messages, waits for the answers under way, and records them.
        """
        try:
            while await self._take_turn() or self._answers or self._in_flight or self._waiting:
                await self._next_answers()
        except asyncio.CancelledError:
            await self._finish()
            raise

    async def _take_turn(self) -> bool:
        """Record the answers, mark the next messages and begin their requests; return whether more are due."""
        answers, self._answers = self._answers, []
        room, self._free = self._free + len(answers), 0
        now = self._own_moment()
        turn = asyncio.ensure_future(asyncio.to_thread(self._turns.take, answers, room, now))
        try:
            await asyncio.shield(turn)
        finally:  # also when it is cancelled: what the turn marked must be sent, or queued again
            result = await turn
            self._free = room - len(result.outgoing)
            self._count(result)
            start_by = now + self._turns.holder.lease - self._turns.holder.longest_request
            self._waiting.extend((outgoing, start_by) for outgoing in result.outgoing)
        self._begin_requests()
        return result.more_due

    async def _next_answers(self) -> None:
        """Wait for an answer, and a moment for more; without a request in flight, for the rate limit.

        It does not wait for more when half of the requests have answered: the next ones then begin at once.
        """
        if not self._in_flight:
            await asyncio.sleep(0 if self._answers else RATE_POLL_SECONDS)
            return
        await self._answered.wait()
        if len(self._answers) < len(self._in_flight):
            await asyncio.sleep(ANSWER_GRACE_SECONDS)
        self._answered.clear()

    def _begin_requests(self) -> None:
        while self._waiting and len(self._in_flight) < self._concurrency:
            task = asyncio.create_task(self._request(*self._waiting.popleft()))
            self._in_flight.add(task)

    async def _request(self, outgoing: Outgoing, start_by: datetime) -> None:
        try:
            outcome = await self._outcome(outgoing, start_by)
            self._answers.append(self._conclude(outgoing, outcome, self._clock()))
        finally:
            task = asyncio.current_task()
            self._in_flight -= {task} if task else set()
            self._answered.set()
            self._begin_requests()

    async def _outcome(self, outgoing: Outgoing, start_by: datetime) -> DeliveryOutcome:
        if self._clock() >= start_by:
            return DeliveryOutcome(outgoing.id, State.QUEUED, LEASE_OVER)
        try:
            receipt = await outgoing.send()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is unknown whether the provider took the message
            return outcome_or_retry(outgoing, error, self._clock())
        return DeliveryOutcome(outgoing.id, State.SENT, reference=receipt.reference, trial=receipt.trial)

    async def _finish(self) -> None:
        """Wait for the requests in flight and record their answers; queue again what waited for a request."""
        self._answers += [DeliveryOutcome(outgoing.id, State.QUEUED, NOT_SENT) for outgoing, _ in self._waiting]
        self._waiting.clear()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        if self._answers:
            result = await asyncio.to_thread(self._turns.take, self._answers, 0, self._own_moment())
            self._count(result)

    def _own_moment(self) -> datetime:
        """Return the present, later than that of the turn before: a turn knows its rows by its moment."""
        now = self._clock()
        if self._last_moment is not None and now <= self._last_moment:
            now = self._last_moment + MOMENT
        self._last_moment = now
        return now


def outcome_or_retry(outgoing: Outgoing, error: BaseException, now: datetime) -> DeliveryOutcome:
    """Return the outcome of a failed request: rejected, queued again, and in doubt for any other error."""
    match error:
        case PermanentFailure():
            suppress = outgoing.address if error.suppress else None
            return DeliveryOutcome(outgoing.id, State.REJECTED, error.reason, suppress=suppress)
        case TemporaryFailure() if error.max_retries is not None and outgoing.attempts >= error.max_retries:
            reason = f"{error.reason} (tried {outgoing.attempts + 1} times)"
            return DeliveryOutcome(outgoing.id, State.REJECTED, reason, channel_down=error.channel_down)
        case TemporaryFailure():
            delay = error.retry_after or message_retry_delay(outgoing.id, outgoing.attempts)
            pauses_channel = error.max_retries is None and (error.retry_after or timedelta()) > CHANNEL_PAUSE_THRESHOLD
            return DeliveryOutcome(
                outgoing.id,
                State.QUEUED,
                error.reason,
                not_before=now + delay,
                pauses_channel=pauses_channel,
                channel_down=error.channel_down,
            )
        case OutcomeUnknown():
            return DeliveryOutcome(outgoing.id, State.IN_DOUBT, error.reason)
        case _:
            return DeliveryOutcome(outgoing.id, State.IN_DOUBT, f"{type(error).__name__}: {error}")
