"""Messages, choices, offers and redeemed codes of a ledger, written row by row."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert

from models.enums import ChangeKind, Channel, RemedyKind, State
from tasks.db.outbox import outbox_row
from tasks.tables import CUSTOMER_CHOICES, NOTICES, OFFERS, OUTBOX, REDEMPTIONS
from tests.support.builders import day
from tests.support.shop_driver import noon


class History:
    """Messages, choices and offers, written row by row."""

    def __init__(self, context):
        self.context, self._n = context, 0

    def message(
        self,
        order,
        revision=1,
        channel=Channel.EMAIL,
        *,
        on=0,
        state=State.SENT,
        change=ChangeKind.FIRST,
        bucket="week",
        promised=3,
        expected=9,
        trial=False,
        address="nora@example.com",
        run="r1",
        message=None,
        customer=None,
        wording=None,
        experiment="shorter subject",
    ):
        self._n += 1
        key = f"n{self._n}"
        promised_on, expected_on = day(promised).isoformat(), day(expected).isoformat()
        row = {
            "id": key,
            "run_id": run,
            "order_id": order,
            "customer_id": customer or f"c-{order}",
            "revision": revision,
            "channel": channel,
            "message": message or bucket,
            "change": change,
            "bucket": bucket,
            "days": 6,
            "told_on": day(on),
            "lines": [["1", promised_on, expected_on, bucket]],
            "why": "",
            "address": address,
            "locale": "en",
            "text": "",
            "html": "",
            "created_at": noon(on),
            "experiment": experiment if wording else None,
            "wording": wording,
        }
        settled = {"settled_at": noon(on), "trial": trial}
        with self.context.engine.begin() as connection:
            connection.execute(insert(NOTICES).values(**row))
            connection.execute(insert(OUTBOX).values(**outbox_row(key, channel, state, noon(on)) | settled))
        return key

    def choice(self, order, act, notice, *, number=1, on=0, state="requested", changed=None, by=None):
        row = {"id": f"{order}-C{number}", "order_id": order, "number": number, "form_id": f"{order}{number}"}
        said = {"act": act, "state": state, "made_at": noon(on) + timedelta(minutes=number), "made_by": "customer"}
        with self.context.engine.begin() as connection:
            known = {"changed_at": None if changed is None else noon(changed), "changed_by": by}
            rest = {"lines": [], "currency": "EUR", "why": "", "refunds_shipping": False}
            connection.execute(insert(CUSTOMER_CHOICES).values(**row, **said, **rest, notice_id=notice, **known))

    def offer(self, order, kind, *, value=0, currency="EUR", on=0, run="r1", expires=None):
        row = {"id": f"{order}/{kind}", "run_id": run, "order_id": order, "kind": kind, "line": "", "revision": 0}
        code = None if kind == RemedyKind.SUBSTITUTE else f"CODE-{order}"
        with self.context.engine.begin() as connection:
            rest = {"value": Decimal(value), "currency": currency, "created_at": noon(on), "products": []}
            rest["expires_on"] = None if expires is None else day(expires)
            connection.execute(insert(OFFERS).values(**row, **rest, code=code))

    def redemption(self, order, *, used_for="9001", on=0, amount=None, currency=None):
        row = {"code": f"CODE-{order}", "order_id": used_for, "redeemed_at": noon(on)}
        paid = {"amount": None if amount is None else Decimal(amount), "currency": currency}
        with self.context.engine.begin() as connection:
            connection.execute(insert(REDEMPTIONS).values(**row, **paid))
