"""What the shop's systems are told of a customer's choice, and on which channel of the outbox."""

from enum import StrEnum

WEBHOOK = "webhook"
"""The channel of the outbox on which webhook events are sent."""


class WebhookKind(StrEnum):
    """What happened to a choice: the `type` of a webhook event."""

    REQUESTED = "choice.requested"
    UNDONE = "choice.undone"
    REPLACED = "choice.replaced"
    """A later choice of the customer takes its place: do not act on this one any more."""
    DONE = "choice.done"
    REFUSED = "choice.refused"
