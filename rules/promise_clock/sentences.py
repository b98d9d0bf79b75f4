"""Where a line stands, as a sentence for staff."""

from datetime import date

from models.enums import Promise
from models.policy.promise_clock import CountryRules
from models.promise_clock import ClockState, Duty, Standing

STATES = {
    ClockState.EXEMPT: "The country's rules do not hold for this sale",
    ClockState.RUNNING: "Its date has not passed",
    ClockState.NOTICE_DUE: "The date in force cannot be kept",
    ClockState.SILENCE_CONSENTS: "The customer was told and has not objected: silence agrees to the new date",
    ClockState.SILENCE_CANCELS: "The customer was told and has not agreed: silence cancels the order",
    ClockState.EXTENDED: "The customer agreed to a later date",
    ClockState.OPEN_ENDED: "The customer agreed to wait without a date, and may cancel until it ships",
    ClockState.LATE: "It is late",
    ClockState.EXTRA_TIME: "The customer set a further period",
    ClockState.MAY_END: "It is late, and the customer may end the contract at once",
    ClockState.CANCELLED: "It counts as cancelled",
    ClockState.DONE: "It was performed",
    ClockState.CLOSED: "It was refunded",
}
DUTIES = {
    Duty.GIVE_OPTION_NOTICE: "offer to wait or to cancel",
    Duty.GIVE_RENEWED_NOTICE: "offer again to wait or to cancel, with the new date",
    Duty.PERFORM_OR_GET_CONSENT: "{perform} it, or have the customer's agreement",
    Duty.PERFORM: "{perform} it",
    Duty.KEEP_OPEN: "keep the order open",
    Duty.TELL_CUSTOMER: "tell the customer",
    Duty.ACCEPT_ENDING: "accept it when the customer ends the contract",
    Duty.HONOUR_WITHDRAWAL: "accept a withdrawal",
    Duty.CANCEL_AND_REFUND: "refund it",
    Duty.REFUND_WITH_SURCHARGE: "refund it with the surcharge",
    Duty.STAFF_REVIEW: "look at it: the law does not say what is due",
}
VERBS = {Promise.SHIP: "ship", Promise.DELIVER: "deliver"}


def duty_words(duty: Duty, rules: CountryRules) -> str:
    """Return what has to be done; empty for nothing."""
    return DUTIES.get(duty, "").format(perform=VERBS[rules.performance])


def standing_sentence(standing: Standing, rules: CountryRules, today: date) -> str:
    """Return where a line stands, what has to be done by when, and since when that is overdue."""
    state, duty = STATES[standing.state], duty_words(standing.duty, rules)
    if not duty:
        return f"{state}."
    if standing.deadline is None:
        because = f" ({standing.rule})" if standing.rule else ""
        return f"{state}: {duty}{because}."
    if standing.state is ClockState.LATE:
        return f"{state}: {duty}; after {standing.deadline} the customer may end the contract."
    overdue = ", which has passed" if standing.deadline < today else ""
    because = f" ({standing.rule})" if standing.rule else ""
    word = "until" if standing.duty is Duty.HONOUR_WITHDRAWAL else "by"
    return f"{state}: {duty} {word} {standing.deadline}{overdue}{because}."
