"""The context that every function in tasks/ gets as its first argument."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from models.config.shop import ShopConfig
from models.enums import Channel, Promise
from models.inventory import known_day
from models.policy.policy import Policy
from rules.delays.promised_dates import Promises
from rules.delays.working_days import Calendar

if TYPE_CHECKING:
    from templates.rendering.messages import Renderer


@dataclass(frozen=True, slots=True)
class Context:
    """The ledger, the shop, its policy and renderer; the run with its day in the shop's zone and its start in UTC."""

    engine: Engine
    shop: ShopConfig
    policy: Policy
    calendar: Calendar
    load_renderer: Callable[[], "Renderer"]
    """Returns the same one each time in a run; in a server, that of the words as they are.

    Most commands write no message, and need neither Jinja nor Babel.
    """
    as_of: date
    started_at: datetime
    run_id: str = ""
    """Empty outside a run."""
    has_webhook: bool = False
    """Whether the shop's systems are told of customers' choices: FOREWARN_WEBHOOK_URL is set."""
    link_key: bytes = field(default=b"", repr=False)
    """The secret of links to order pages; empty where the shop has none."""
    open_networks: tuple[Channel, ...] = (Channel.X,)
    """The networks that are not off: their posts leave, or are kept in the local outbox."""
    connected_networks: tuple[Channel, ...] = ()
    """Those of them with a provider."""
    erasure_key: bytes = field(default=b"", repr=False)
    """The secret of the hashes of erased customers; empty where nobody was erased."""
    mastodon_limit: Callable[[], int | None] | None = field(default=None, repr=False, compare=False)
    """Tells the longest post of the shop's own server on Mastodon; None where none is connected."""
    promises: Promises = field(init=False, repr=False, compare=False)
    zone: ZoneInfo = field(init=False, repr=False, compare=False)
    """The shop's zone, in which its days begin and end."""

    def __post_init__(self) -> None:
        """Prepare the policy's promises and the shop's zone."""
        object.__setattr__(self, "promises", Promises(self.policy))
        object.__setattr__(self, "zone", ZoneInfo(self.shop.zone))

    def with_run(self, run_id: str, as_of: date, started_at: datetime) -> "Context":
        """Return the context of a run; `started_at` is in UTC."""
        return replace(self, run_id=run_id, as_of=as_of, started_at=started_at)

    @property
    def renderer(self) -> "Renderer":
        """Return the renderer of the shop's messages."""
        return self.load_renderer()

    @property
    def networks(self) -> tuple[Channel, ...]:
        """Return the networks that drafts of posts are for: those connected, or one while none is."""
        return self.connected_networks or self.open_networks[:1]

    def day(self, moment: datetime | None) -> date | None:
        """Return the shop's day at a moment; None for None."""
        return None if moment is None else moment.astimezone(self.zone).date()

    def promised_day(
        self,
        promised_on: date | None,
        placed_at: datetime,
        paid_at: datetime | None,
        method: str | None,
        promise: str,
        country: str | None,
    ) -> date:
        """Return the day promised for a line; the arguments are PROMISED_COLUMNS of tasks/orders, in order.

        A placeholder, such as 31 December 2099, promises nothing.
        """
        placed_on = placed_at.astimezone(self.zone).date()
        stored = known_day(promised_on, placed_on)
        return self.promises.day(stored, placed_on, self.day(paid_at), method, Promise(promise), country or "")

    def expected_day(self, expected_on: date | None, placed_at: datetime) -> date | None:
        """Return the shop's own expected date of a line; None for a placeholder."""
        return known_day(expected_on, placed_at.astimezone(self.zone).date())

    def start_of(self, day: date) -> datetime:
        """Return the moment at which a day of the shop begins, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """Return the moment at which a day of the shop is over, in UTC."""
        return self.start_of(day + timedelta(days=1))
