"""Who may be written to, by which channels, and at what hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from models.decisions import Contact
from models.enums import Channel, SkipReason
from models.orders import CustomerFacts
from models.policy.policy import Bucket, Policy
from rules.contact.addresses import BadAddress, email_address, phone_number, takes_texts, zones
from rules.contact.quiet_hours import not_before, window_end

MISSING = (SkipReason.NO_ADDRESS, SkipReason.NO_CONSENT)
"""Reasons that say a channel was never open to the customer: worth a line only where no other channel is."""


def contacts_for(
    customer: CustomerFacts,
    bucket: Bucket,
    policy: Policy,
    now: datetime,
    *,
    country: str,
    zone: str,
) -> tuple[Contact, ...]:
    """Return the channels of a bucket for a customer; one that cannot be used comes with its reason to skip it.

    `country` and `zone` are the shop's, for customers who have none.
    """
    if customer.opted_out:
        return (Contact(bucket.channels[0], None, skip=SkipReason.OPTED_OUT),)
    return tuple(contact_by(customer, channel, policy, now, country, zone) for channel in bucket.channels)


def choose_contacts(customer: CustomerFacts, contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """Return the channels of a notice: the one the customer prefers, if it can be used, or else all that were found.

    There is always at least one entry, so that nobody is forgotten in silence.
    """
    preferred = tuple(one for one in contacts if one.channel == customer.prefers and one.skip is None)
    if preferred:
        return preferred
    told = [contact for contact in contacts if contact.skip not in MISSING]
    return tuple(told or contacts[:1])


def held_back(contacts: tuple[Contact, ...], used: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """Return the usable contacts that a preference left out: they are used if the preferred one fails."""
    return tuple(one for one in contacts if one.skip is None and one not in used)


def without_suppressed(contacts: tuple[Contact, ...], suppressed: Mapping[str, SkipReason]) -> tuple[Contact, ...]:
    """Mark the contacts whose address must not be written to, each with its reason."""
    found = ((one, suppressed.get(one.address or "")) for one in contacts)
    return tuple(Contact(one.channel, one.address, skip=skip) if skip else one for one, skip in found)


def contact_by(
    customer: CustomerFacts,
    channel: Channel,
    policy: Policy,
    now: datetime,
    country: str,
    zone: str,
) -> Contact:
    """Return how and when to reach a customer by one channel, or the reason why it cannot be."""
    found = _address(customer, channel, country)
    if isinstance(found, SkipReason):
        return Contact(channel, None, skip=found)
    quiet = policy.contact.quiet.get(channel)
    clocks = _clocks(customer, channel, found, zone)
    start = not_before(now, quiet, clocks)
    if start is None:
        return Contact(channel, found, skip=SkipReason.NO_HOUR)
    return Contact(channel, found, not_before=start, valid_until=window_end(start, quiet, clocks))


def _address(customer: CustomerFacts, channel: Channel, country: str) -> str | SkipReason:
    given = customer.email if channel is Channel.EMAIL else customer.phone
    if not given:
        return SkipReason.NO_ADDRESS
    if channel is Channel.SMS and not customer.sms_consent:
        return SkipReason.NO_CONSENT
    try:
        if channel is Channel.EMAIL:
            return email_address(given)
        number = phone_number(given, customer.country or country)
    except BadAddress:
        return SkipReason.BAD_ADDRESS
    return number if takes_texts(number) else SkipReason.NOT_MOBILE


def _clocks(customer: CustomerFacts, channel: Channel, address: str, zone: str) -> Sequence[str]:
    """Return every zone the recipient may plausibly be in: their own, and those that a number may ring in."""
    known = [customer.zone] if customer.zone else []
    rings = zones(address) if channel is Channel.SMS else ()
    return (*known, *rings) or (zone,)
