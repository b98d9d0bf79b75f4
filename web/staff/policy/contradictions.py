"""Numbers of the policy that are possible each by itself, and not together."""

from collections.abc import Iterator

from models.enums import RemedyKind
from models.policy.policy import DiscountPolicy, Policy
from tasks.desk.staff_words import OFFERS

DISCOUNTS = {RemedyKind.SHIPPING_DISCOUNT: "shipping_discount", RemedyKind.FUTURE_DISCOUNT: "future_discount"}


def contradictions(policy: Policy) -> dict[str, str]:
    """Return by place what contradicts something else, in a sentence."""
    return dict(_contradictions(policy))


def _contradictions(policy: Policy) -> Iterator[tuple[str, str]]:
    for currency, cap in sorted(policy.budget.per_run.items()):
        of_month = policy.budget.per_month.get(currency)
        if of_month is not None and cap > of_month:
            yield (
                "budget.per_run",
                f"One run may cost more {currency} than a whole month. Lower it, or raise the month's.",
            )
    offered = {kind for bucket in policy.bucket if bucket.notify for kind in bucket.remedies}
    for kind, section in DISCOUNTS.items():
        if kind in offered and not _can_be_given(getattr(policy, section), policy):
            path = "up_to" if getattr(policy, section).percent is not None else "amount"
            where = "no currency has an amount here, for one run and for one month"
            yield f"{section}.{path}", f"'{OFFERS[kind]}' is offered in the table, and would never be given: {where}."
    if not any(bucket.notify for bucket in policy.bucket):
        yield "bucket.0.from_days", "No row writes to customers, so that nobody would be told of a delay."


def _can_be_given(discount: DiscountPolicy, policy: Policy) -> bool:
    amounts = discount.up_to if discount.percent is not None else discount.amount
    return any(
        amounts[currency] and policy.budget.per_run.get(currency) and policy.budget.per_month.get(currency)
        for currency in amounts
    )
