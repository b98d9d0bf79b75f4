"""What a run reports: one object, for people as lines and for scripts as JSON; docs/report.md lists it."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

Counts = dict[str, int]


class Report(BaseModel):
    """What one run found, decided and did."""

    model_config = ConfigDict(extra="forbid")

    run: str | None = Field(None, description="id of the run in the ledger; null for a dry run")
    as_of: date = Field(description="the day that the run lived")
    dry_run: bool = Field(
        default=False, description="whether nothing was written: the figures say what would have been done"
    )
    imported: dict[str, Counts] = Field(
        {},
        description="by table: rows read, inserted, updated, unchanged, refused; `gone` is goods, lines and orders "
        "that the source names no more, and that no longer count; `missing` is open orders that it did not name, and "
        "that stay open; `older` is rows that a newer file replaces, `repeated` rows that say the same as another",
    )
    missing: list[str] = Field([], description="the first few open orders that the source did not name")
    left_out: Counts = Field({}, description="rows that the shop's SELECTs left out on purpose, by reason")
    open: int = Field(0, description="open orders, late or not")
    late: Counts = Field({}, description="late orders by bucket")
    changes: Counts = Field({}, description="orders with something to say that was not said yet, by bucket")
    limited: int = Field(0, description="orders with something to say that `--limit` leaves to a later run")
    notices: Counts = Field({}, description="notices written down to be sent, by channel")
    offers: Counts = Field({}, description="orders with a remedy in their notice, by kind")
    held: dict[str, str] = Field(
        {},
        description="limits of the policy's brake that were passed, by name: nothing of the run leaves until released; "
        "of a dry run, those that the run would pass",
    )
    over_cap: int = Field(0, description="discounts not given, because the policy's caps were reached")
    sent: Counts = Field({}, description="messages that a provider took, by channel")
    trial: Counts = Field(
        {},
        description="of those sent, the messages that reached no customer, by channel: they went to the local outbox, "
        "to a test address or into a provider's sandbox",
    )
    skipped: Counts = Field({}, description="notices not sent, by reason")
    rejected: Counts = Field({}, description="messages that a provider will never take, by reason")
    retrying: Counts = Field({}, description="messages that wait for another try, by reason")
    unreachable: int = Field(0, description="customers whose notice was refused, and who have no other channel")
    waiting: int = Field(0, description="notices and approved posts that wait, for their hour or for another try")
    in_doubt: int = Field(
        0, description="messages of which nobody can know whether they left; never sent again by itself"
    )
    settled: Counts = Field(
        {},
        description="messages in doubt that providers were asked about, by what came of it: `sent`; `queued`, for they "
        "never came; for `people`, who have to look",
    )
    down: dict[str, str] = Field({}, description="channels that somebody must mend, with the provider's reason")
    not_live: dict[str, str] = Field(
        {}, description="channels whose messages wait until somebody lets them reach customers: `forewarn go-live`"
    )
    fallbacks: Counts = Field({}, description="languages asked for and missing, each with the one that was used")
    coverage: Counts = Field(
        {},
        description="open lines by what covers them: `packed`, `stock`, `inbound` or `nothing`, the worst of a line",
    )
    products: Counts = Field({}, description="products by what a new order would get: `in_stock`, `backorder`, ...")
    dates: Counts = Field(
        {}, description="expected dates of lines that were `set` anew, `changed`, or `ended` because nothing is awaited"
    )
    parcels: Counts = Field(
        {},
        description="orders whose lines are ready on different days, to be sent `in_parts` or `at_once`; and how many "
        "of these choices `changed`",
    )
    problems: list[str] = Field([], description="what went wrong, a sentence each; the run exits non-zero")
    requested: Counts = Field({}, description="order requested, by vendor")
    reminded: int = Field(0, description="purchase requests of which a vendor is reminded, for it gave no answer")
    needs_staff: int = Field(
        0, description="purchase requests and lines that wait for staff: `forewarn vendors waiting` shows them"
    )
    plans: list[dict[str, str | int]] = Field(
        [], description="of a dry run, the first 200 orders with news: days late, bucket, remedy, channels, and why"
    )
    rejects: str | None = Field(None, description="file with the rows that were refused")

    @property
    def reached(self) -> Counts:
        """Return the messages sent that were no trial, by channel."""
        return {
            channel: n - self.trial.get(channel, 0)
            for channel, n in self.sent.items()
            if n > self.trial.get(channel, 0)
        }

    @property
    def ok(self) -> bool:
        """Say whether nothing went wrong."""
        return not self.problems and not self.down
