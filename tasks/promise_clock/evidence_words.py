"""What became of a message and what it says, as the evidence of an order has it."""

from models.enums import State
from models.promise_clock import Statement
from tasks.promise_clock.staff_records import ENDED, EXTRA_TIME, TAKEN_BACK

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
    Statement.THREE_CHOICES: "the three choices of the law",
    Statement.REFUND: "in how many days the money goes back",
}
LETTERS = {
    EXTRA_TIME: "Set a further period, from when and until when",
    ENDED: "Ended the contract",
    TAKEN_BACK: "What was recorded before of letters counts no more",
}
