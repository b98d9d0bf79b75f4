"""What became of a message and what it says, as the evidence of an order has it."""

from models.enums import State
from models.promise_clock import Statement

STATE_WORDS = {
    State.SENT: "taken by the provider",
    State.DELIVERED: "delivered",
    State.BOUNCED: "bounced: it did not reach the address",
    State.IN_DOUBT: "in doubt: it is not known whether it arrived",
    State.SKIPPED: "not sent",
    State.REJECTED: "refused by the provider",
}
"""What became of a message; every other state is one of a message that has not left."""
STATEMENTS = {
    Statement.CANCEL: "the right to cancel and to get all money back",
    Statement.CONSENTS: "that silence agrees to the new date",
    Statement.CANCELS: "that silence cancels the order",
    Statement.NOTHING: "that silence changes nothing",
    Statement.REASON: "the reason for the delay",
}
