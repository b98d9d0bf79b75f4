"""Decide which wording a customer reads: fixed by the customer's id and the trial's name, before anything is sent."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import date

from models.experiments import Letter, Wording
from models.policy.experiments import ExperimentPolicy

_BYTES = 8


def letter_of(name: str, share: float, customer_id: str) -> Letter:
    """Return the wording of a customer in a trial; `share` of all customers read B.

    The same customer always gets the same one, in every run, order and channel, and independently of other trials.
    """
    digest = hmac.digest(name.encode(), customer_id.encode(), hashlib.sha256)
    return Letter.B if int.from_bytes(digest[:_BYTES]) < share * 2 ** (8 * _BYTES) else Letter.A


def wording_for(experiments: Iterable[ExperimentPolicy], message: str, customer_id: str, as_of: date) -> Wording | None:
    """Return the wording of a customer's message on a day; None where no trial of that message runs."""
    for one in experiments:
        if one.message == message and one.runs_on(as_of):
            return Wording(one.name, letter_of(one.name, one.share, customer_id), one.wording)
    return None


def stored_wording(experiments: Iterable[ExperimentPolicy], name: str | None, letter: str | None) -> Wording | None:
    """Return the wording that a notice was recorded with; None where it is in no trial that the policy still has."""
    found = next((one for one in experiments if one.name == name), None)
    return Wording(found.name, Letter(letter), found.wording) if found and letter else None
