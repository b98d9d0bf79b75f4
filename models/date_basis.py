"""What an expected date rests on, kept beside it as data: while the basis stays, so does the date shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from models.enums import Promise


@dataclass(frozen=True, slots=True)
class InStockBasis:
    """All pieces of the line lie in stock, to leave or to arrive in a country."""

    promise: Promise
    country: str
    """ISO code; empty where it is unknown."""


@dataclass(frozen=True, slots=True)
class ShippedBasis:
    """The line left on a day."""

    shipped_on: date


@dataclass(frozen=True, slots=True)
class InboundPromise:
    """One delivery, or one vendor's response: the day promised, and the day from which its goods can be packed."""

    id: str
    promised_on: date | None
    available_on: date | None


@dataclass(frozen=True, slots=True)
class InboundBasis:
    """The promises that the line waits for, by id."""

    promises: tuple[InboundPromise, ...]


DateBasis = InStockBasis | ShippedBasis | InboundBasis


def basis_as_data(basis: DateBasis | None) -> dict[str, Any] | None:
    """Return a basis as plain data for a JSON column: one key that names its kind."""
    match basis:
        case None:
            return None
        case InStockBasis(promise, country):
            return {"in_stock": {"promise": str(promise), "country": country}}
        case ShippedBasis(shipped_on):
            return {"shipped_on": shipped_on.isoformat()}
        case InboundBasis(promises):
            return {"inbound": [_promise_as_data(promise) for promise in promises]}


def basis_from_data(data: Mapping[str, Any] | None) -> DateBasis | None:
    """Return the basis that `basis_as_data` wrote."""
    if data is None:
        return None
    if "in_stock" in data:
        return InStockBasis(Promise(data["in_stock"]["promise"]), data["in_stock"]["country"])
    if "shipped_on" in data:
        return ShippedBasis(date.fromisoformat(data["shipped_on"]))
    return InboundBasis(tuple(_promise_from_data(promise) for promise in data["inbound"]))


def _promise_as_data(promise: InboundPromise) -> dict[str, str | None]:
    return {
        "id": promise.id,
        "promised_on": _iso(promise.promised_on),
        "available_on": _iso(promise.available_on),
    }


def _promise_from_data(data: Mapping[str, Any]) -> InboundPromise:
    return InboundPromise(data["id"], _day(data["promised_on"]), _day(data["available_on"]))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
