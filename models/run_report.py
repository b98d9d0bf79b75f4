"""The report of a run: printed as lines for people and as JSON for scripts; docs/report.md lists it."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

Counts = dict[str, int]


class Report(BaseModel):
    """What one run read, decided and did."""

    model_config = ConfigDict(extra="forbid")

    run: str | None = Field(None, description="id of the run in the ledger; null for a dry run")
    as_of: date = Field(description="the shop's day for which the run decided")
    dry_run: bool = Field(
        default=False, description="whether nothing was written; the figures say what would have been done"
    )
    imported: dict[str, Counts] = Field(
        {},
        description="by table: rows read, inserted, updated, unchanged, rejected; `removed` counts stock, deliveries, "
        "parcels, lines and orders that ended because the source no longer has them; `missing` counts open orders that "
        "it does not have and that stay open; `superseded` counts rows that a newer file replaces, `duplicates` rows "
        "equal to another",
    )
    missing: list[str] = Field([], description="the first few open orders that are missing from the source")
    excluded: Counts = Field({}, description="rows that the shop's SELECTs exclude on purpose, by reason")
    open: int = Field(0, description="open orders, late or not")
    late: Counts = Field({}, description="late orders by bucket")
    changes: Counts = Field({}, description="orders with a change that the customer was not told yet, by bucket")
    limited: int = Field(0, description="orders with a change that `--limit` leaves to a later run")
    notices: Counts = Field({}, description="notices recorded to be sent, by channel")
    offers: Counts = Field({}, description="orders with a remedy in their notice, by kind")
    wordings: Counts = Field(
        {}, description='orders whose customer reads a wording of a trial, as `B of "shorter subject"`'
    )
    held: dict[str, str] = Field(
        {},
        description="guardrails that the run exceeded, by name: nothing of the run is sent until it is released; "
        "of a dry run, those that the run would exceed",
    )
    over_cap: int = Field(0, description="discounts not given because the budget was used up")
    sent: Counts = Field({}, description="messages that a provider accepted, by channel")
    trial: Counts = Field(
        {},
        description="of those sent, the messages that reached no customer, by channel: they went to the local outbox, "
        "to a test address or into a provider's sandbox",
    )
    skipped: Counts = Field({}, description="notices not sent, by reason")
    rejected: Counts = Field({}, description="messages that a provider will never accept, by reason")
    retrying: Counts = Field({}, description="messages that will be tried again, by reason")
    unreachable: int = Field(0, description="customers whose notice was refused and who have no other channel")
    waiting: int = Field(0, description="notices and approved posts that wait for their hour or for another try")
    webhooks: Counts = Field(
        {},
        description="webhook events about customers' choices: `sent`; `retrying`, which a receiver did not accept yet; "
        "`rejected`, which Forewarn has given up: `forewarn choices webhooks`",
    )
    in_doubt: int = Field(
        0, description="messages that may or may not have been sent; never sent again without evidence"
    )
    settled: Counts = Field(
        {},
        description="messages in doubt that were looked up at the provider, by result: `sent`; `queued`, because they "
        "never arrived; `people`, because staff must look",
    )
    callbacks: Counts = Field(
        {},
        description="callbacks of providers that were worked off, by effect: `delivered`, `bounced`, `nothing`, "
        "`unknown`, ...: docs/callbacks.md",
    )
    down: dict[str, str] = Field({}, description="channels that do not work, with the provider's reason")
    not_live: dict[str, str] = Field(
        {}, description="channels whose messages wait until `forewarn go-live` lets them reach customers"
    )
    fallbacks: Counts = Field({}, description="languages requested and missing, each with the one that was used")
    coverage: Counts = Field(
        {},
        description="open lines by what covers them: `packed`, `stock`, `inbound` or `nothing`, the worst of a line",
    )
    products: Counts = Field({}, description="products by what a new order would get: `in_stock`, `backorder`, ...")
    dates: Counts = Field(
        {}, description="expected dates of lines that were `set`, `changed`, or `ended` because nothing is open"
    )
    parcels: Counts = Field(
        {},
        description="orders whose lines are ready on different days, to ship `in_parts` or `at_once`; and how many "
        "of these plans `changed`",
    )
    problems: list[str] = Field([], description="what went wrong, one sentence each; the run exits non-zero")
    requested: Counts = Field({}, description="order lines requested, by vendor")
    reminded: int = Field(0, description="purchase requests without a response of which a vendor was reminded")
    needs_staff: int = Field(
        0, description="purchase requests and lines that wait for staff: `forewarn vendors waiting` shows them"
    )
    plans: list[dict[str, str | int]] = Field(
        [], description="of a dry run, the first 200 orders with a change: days late, bucket, remedy, channels, and why"
    )
    rejects: str | None = Field(None, description="file with the rejected rows")

    @property
    def reached(self) -> Counts:
        """Return the messages that reached customers, by channel."""
        return {
            channel: n - self.trial.get(channel, 0)
            for channel, n in self.sent.items()
            if n > self.trial.get(channel, 0)
        }

    @property
    def ok(self) -> bool:
        """Return whether nothing went wrong."""
        return not self.problems and not self.down
