"""Tell the customers of time-critical orders from the first day late on, whatever the policy's threshold is."""

from models.orders import OrderFacts
from models.policy.policy import Policy


def policy_for(order: OrderFacts, policy: Policy) -> Policy:
    """Return the policy by which an order is assessed: for a time-critical one every day late is told."""
    return _without_threshold(policy) if order.critical else policy


def _without_threshold(policy: Policy) -> Policy:
    first, *others = (bucket.model_copy(update={"notify": True}) for bucket in policy.bucket)
    return policy.model_copy(update={"bucket": (first.model_copy(update={"from_days": 1}), *others)})
