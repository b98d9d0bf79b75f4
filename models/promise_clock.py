"""The legal clock of an order line: what is known of it, where it stands, and what must be done by when."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class ClockState(StrEnum):
    """Where a line stands by the law of its country."""

    EXEMPT = "exempt"
    RUNNING = "running"
    NOTICE_DUE = "notice_due"
    SILENCE_CONSENTS = "silence_consents"
    SILENCE_CANCELS = "silence_cancels"
    EXTENDED = "extended"
    """The customer agreed to a later date."""
    OPEN_ENDED = "open_ended"
    """The customer agreed to wait without a date."""
    LATE = "late"
    EXTRA_TIME = "extra_time"
    """The customer set a further period."""
    MAY_END = "may_end"
    """The customer may end the contract at once."""
    CANCELLED = "cancelled"
    DONE = "done"
    CLOSED = "closed"
    """Refunded."""


class Duty(StrEnum):
    """What the shop has to do next."""

    PERFORM = "perform"
    """Ship or deliver, whichever the country counts."""
    GIVE_OPTION_NOTICE = "give_option_notice"
    GIVE_RENEWED_NOTICE = "give_renewed_notice"
    PERFORM_OR_GET_CONSENT = "perform_or_get_consent"
    KEEP_OPEN = "keep_open"
    TELL_CUSTOMER = "tell_customer"
    ACCEPT_ENDING = "accept_ending"
    HONOUR_WITHDRAWAL = "honour_withdrawal"
    CANCEL_AND_REFUND = "cancel_and_refund"
    REFUND_WITH_SURCHARGE = "refund_with_surcharge"
    STAFF_REVIEW = "staff_review"
    NONE = "none"


class Statement(StrEnum):
    """What a notice says to a customer, as far as a law asks for it."""

    CANCEL = "cancel"
    """The right to cancel and to get the money back, with the way to do it."""
    CONSENTS = "silence_consents"
    """Without an answer the customer agrees to the new date."""
    CANCELS = "silence_cancels"
    """Without an answer the order is cancelled after a day."""
    NOTHING = "silence_changes_nothing"
    REASON = "reason"
    THREE_CHOICES = "three_choices"
    """The customer may have it delivered, take an equivalent product, or end the contract."""
    REFUND = "refund"
    """In how many days the money goes back."""


SILENCE = (Statement.CONSENTS, Statement.CANCELS)
"""The statements of which a notice needs one where silence answers."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What it means if a customer does not answer."""

    meaning: Statement
    """CONSENTS, CANCELS or NOTHING."""
    by: date | None = None
    """Until when the customer can answer; None: silence changes nothing, whenever that is."""
    through: date | None = None
    """The last day on which a notice can still say so; None: it can on any day."""


NO_CHANGE = Silence(Statement.NOTHING)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a law gives a customer of a late order beside waiting, as far as its notice says it."""

    three_choices: bool = False
    """Delivery, an equivalent product, or the end of the contract, as the customer likes."""
    refund_days: int | None = None
    """Days in which the law has money go back, 0 for at once; None: no law that was read says how many."""
    corrected: bool = False
    """Whether the refund is corrected for inflation."""


NO_RIGHTS = Rights()


@dataclass(frozen=True, slots=True)
class LegalWords:
    """What the law makes a notice say."""

    silence: Silence | None = NO_CHANGE
    """What it means if the customer does not answer; None: the notice cannot say anything of it."""
    rights: Rights = NO_RIGHTS


class AnswerKind(StrEnum):
    """What a customer answered."""

    CONSENT = "consent"
    CANCEL = "cancel"
    EXTRA_TIME = "extra_time"
    END = "end"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class ClockNotice:
    """A notice about the delay of a line, as far as the clock counts it."""

    given_on: date
    revised_on: date | None
    """The new date that it names; None: it says that there is none."""
    delivered: bool = True
    """False where it did not reach its address: then it was not given."""
    adequate: bool = True
    """Whether it says all that a notice of its kind must say, the right to cancel above all."""
    id: str = ""

    @property
    def counts(self) -> bool:
        """Return whether it was given at all."""
        return self.delivered and self.adequate


@dataclass(frozen=True, slots=True)
class ClockAnswer:
    """A customer's answer: received on a day, or sent on it where the law counts sending."""

    kind: AnswerKind
    on: date
    until: date | None = None
    """The date agreed to, or the end of the further period; None: an open delay."""


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """What the clock needs to know of a line. None: unknown, or it has not happened."""

    received_on: date
    """The order was complete, or the contract concluded."""
    payment_good_on: date | None = None
    """A payment that was refused first was honoured."""
    promised_on: date | None = None
    seller_credit: bool = False
    payment: str = ""
    exclusion: str | None = None
    """Why the country's rules do not hold for it, as `cod`."""
    total: Decimal | None = None
    essential: bool = False
    """The date was essential, by the circumstances or by word."""
    cannot_meet: bool = False
    """The shop expects to miss the date in force."""
    notices: tuple[ClockNotice, ...] = ()
    answers: tuple[ClockAnswer, ...] = ()
    shipped_on: date | None = None
    delivered_on: date | None = None
    gave_up_on: date | None = None
    """The shop told that it will not ship."""
    refunded_on: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a line stands on a day: its state, the next duty, and its deadline (None: no calendar day)."""

    state: ClockState
    duty: Duty = Duty.NONE
    deadline: date | None = None
    rule: str = ""
    """What the deadline counts, in words, where it is not the date in force."""
