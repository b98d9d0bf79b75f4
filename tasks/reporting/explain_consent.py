"""Say what may go to a customer by which channel and for which purpose, and who says so since when."""

from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from models.enums import Channel
from models.orders import CustomerFacts
from models.privacy import ImportedConsent
from rules.contact.addresses import email_address, phone_number, readable
from rules.contact.consent import CONSENT_FACTS, consent_standings
from tasks.context import Context
from tasks.notices.consent import load_consents
from tasks.tables import CUSTOMERS


def explain_consent(context: Context, connection: Connection, customer: CustomerFacts) -> list[dict[str, Any]]:
    """Return a customer's consent by channel and purpose, as plain data."""
    country = context.shop.country
    number = partial(phone_number, country=customer.country or country)
    addresses = {Channel.EMAIL: readable(email_address, customer.email), Channel.SMS: readable(number, customer.phone)}
    found = load_consents(context, connection, {address for address in addresses.values() if address})
    recorded = {
        (channel, purpose): one
        for (address, channel, purpose), one in found.items()
        if addresses.get(channel) == address
    }
    imported = _load_origins(connection, customer.id)
    return [asdict(one) for one in consent_standings(customer, recorded, imported, context.policy, country)]


def _load_origins(connection: Connection, customer: str) -> dict[str, ImportedConsent]:
    """Return where the shop's facts about a customer's consents come from."""
    row = connection.execute(select(CUSTOMERS).where(CUSTOMERS.c.id == customer)).mappings().first()
    if row is None:
        return {}
    return {fact: ImportedConsent(row[f"{fact}_source"] or "", row[f"{fact}_at"]) for fact in CONSENT_FACTS}
