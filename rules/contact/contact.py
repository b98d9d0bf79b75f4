"""Choose the channels on which a customer is contacted, and the hours at which a message may arrive."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from models.decisions import Contact
from models.enums import Channel, SkipReason
from models.orders import CustomerFacts
from models.policy.policy import Bucket, Policy
from rules.contact.addresses import BadAddress, country_of, email_address, phone_number, takes_texts, zones
from rules.contact.quiet_hours import not_before, window_end

NEVER_OPEN = (SkipReason.NO_ADDRESS, SkipReason.NO_CONSENT)
"""Reasons for which a channel was never open to the customer; recorded only where there is no other channel."""


def contacts_for(
    customer: CustomerFacts,
    bucket: Bucket,
    policy: Policy,
    now: datetime,
    *,
    country: str,
    zone: str,
) -> tuple[Contact, ...]:
    """Return a customer's contact on each channel of a bucket; one that cannot be used has the reason to skip it.

    `country` and `zone` are the shop's, for customers who have none.
    """
    if customer.opted_out:
        return (Contact(bucket.channels[0], None, skip=SkipReason.OPTED_OUT),)
    return tuple(contact_by(customer, channel, policy, now, country, zone) for channel in bucket.channels)


def choose_contacts(customer: CustomerFacts, contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """Return the contacts of a notice: the channel that the customer prefers if it can be used, or else all of them.

    Returns at least one contact: a notice that cannot be sent is recorded with its reason.
    """
    preferred = tuple(contact for contact in contacts if contact.channel == customer.prefers and contact.skip is None)
    if preferred:
        return preferred
    recorded = [contact for contact in contacts if contact.skip not in NEVER_OPEN]
    return tuple(recorded or contacts[:1])


def held_back(contacts: tuple[Contact, ...], chosen: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """Return the usable contacts that were not chosen; they replace a chosen one that fails."""
    return tuple(contact for contact in contacts if contact.skip is None and contact not in chosen)


def without_suppressed(contacts: tuple[Contact, ...], suppressed: Mapping[str, SkipReason]) -> tuple[Contact, ...]:
    """Mark the contacts with a suppressed address as skipped, each with the reason."""
    with_reason = ((contact, suppressed.get(contact.address or "")) for contact in contacts)
    return tuple(
        Contact(contact.channel, contact.address, skip=reason) if reason else contact for contact, reason in with_reason
    )


def contact_by(
    customer: CustomerFacts,
    channel: Channel,
    policy: Policy,
    now: datetime,
    country: str,
    zone: str,
) -> Contact:
    """Return a customer's contact on one channel, with its hours, or with the reason to skip it."""
    address = _address(customer, channel, country)
    if isinstance(address, SkipReason):
        return Contact(channel, None, skip=address)
    quiet = policy.contact.quiet.get(channel)
    possible_zones = _zones(customer, channel, address, zone)
    start = not_before(now, quiet, possible_zones)
    if start is None:
        return Contact(channel, address, skip=SkipReason.NO_HOUR)
    place = country_of(address) if channel is Channel.SMS else ""
    return Contact(
        channel,
        address,
        not_before=start,
        valid_until=window_end(start, quiet, possible_zones),
        country=place,
        says_stop=place in policy.contact.say_stop,
    )


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


def _zones(customer: CustomerFacts, channel: Channel, address: str, zone: str) -> Sequence[str]:
    """Return every time zone in which the recipient may be: their own and those of their number, or else the shop's."""
    own = [customer.zone] if customer.zone else []
    of_number = zones(address) if channel is Channel.SMS else ()
    return (*own, *of_number) or (zone,)
