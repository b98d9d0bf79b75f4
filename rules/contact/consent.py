"""Tell service from marketing, and whether each may go to a customer by a channel."""

from collections.abc import Iterator, Mapping

from models.enums import DIRECT, Channel
from models.orders import CustomerFacts
from models.policy.policy import Policy
from models.privacy import ConsentSource, ConsentStanding, ImportedConsent, Purpose, RecordedConsent

MARKETING_PARTS = frozenset({"substitutes", "discount"})
"""The variables of a notice's templates that sell something; every other one is service.

A swap among the choices goes with the substitutes. Where marketing may not go by mail, the order page shows it.
"""
SMS_CONSENT, MARKETING_CONSENT, OPTED_OUT = CONSENT_FACTS = ("sms_consent", "marketing_consent", "opted_out")
"""The shop's facts about consent."""
Recorded = Mapping[tuple[Channel, Purpose], RecordedConsent]
Imported = Mapping[str, ImportedConsent]
"""Where each of CONSENT_FACTS comes from."""
WITHDRAWN = {
    ConsentSource.STOP: "answered STOP, or stopped texts on the order page",
    ConsentSource.UNSUBSCRIBE: "unsubscribed",
    ConsentSource.SPAM_REPORT: "reported a mail as spam",
    ConsentSource.STAFF: "suppressed by staff",
}


def purpose_of(variable: str) -> Purpose:
    """Return what a variable of a notice's templates is for."""
    return Purpose.MARKETING if variable in MARKETING_PARTS else Purpose.SERVICE


def may_carry_offer(customer: CustomerFacts, policy: Policy, country: str, *, objected: bool) -> bool:
    """Return True where a message may carry an offer itself; `country` is the shop's.

    The Consumer Rights Directive and the PECR want marketing consent for it: see `contact.offer_needs_consent`. Whoever
    objected gets none, in any country.
    """
    if objected:
        return False
    return customer.marketing_consent or (customer.country or country) not in policy.contact.offer_needs_consent


def consent_standings(
    customer: CustomerFacts, recorded: Recorded, imported: Imported, policy: Policy, country: str
) -> Iterator[ConsentStanding]:
    """Yield a customer's consent by channel and purpose; what they did themselves comes before the shop's facts."""
    for channel in DIRECT:
        for purpose in Purpose:
            allowed, why, fact = _by_facts(customer, channel, purpose, policy, country)
            found = recorded.get((channel, purpose))
            if found is None:
                origin = imported.get(fact, ImportedConsent())
                yield ConsentStanding(channel, purpose, allowed, ConsentSource.SHOP, origin.at, why, origin.source)
                continue
            if not found.given:
                allowed, why = False, WITHDRAWN.get(found.source, "withdrawn")
            yield ConsentStanding(channel, purpose, allowed, found.source, found.at, why, found.detail)


def _by_facts(
    customer: CustomerFacts, channel: Channel, purpose: Purpose, policy: Policy, country: str
) -> tuple[bool, str, str]:
    """Return whether the shop's facts allow it, why, and the fact that decides; empty where none does."""
    if customer.opted_out:
        return False, "the shop's facts say that the customer wants no messages", OPTED_OUT
    if channel is Channel.SMS and not customer.sms_consent:
        return False, "the shop's facts have no consent to texts", SMS_CONSENT
    if purpose is Purpose.SERVICE:
        if channel is Channel.SMS:
            return True, "consented to texts", SMS_CONSENT
        return True, "the order itself: no consent is needed", ""
    if customer.marketing_consent:
        return True, "the shop's facts have the consent to offers", MARKETING_CONSENT
    place = customer.country or country
    if may_carry_offer(customer, policy, country, objected=False):
        return True, f"the policy asks for no consent in {place}", ""
    return False, f"{place} asks for consent: the order page alone shows offers", MARKETING_CONSENT
