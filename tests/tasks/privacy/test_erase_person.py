"""Erasing one person in the ledger, on both databases, beside imports and deliveries."""

from dataclasses import replace

import pytest

from models.errors import ForewarnError
from rules.contact.keyed_hash import erased_id, hashed_address
from tasks.db.sql import read_only
from tasks.imports.erased import ErasedMeanwhile, check_nobody_erased, without_erased
from tasks.imports.load import import_all
from tasks.notices.suppressions import suppress, suppressed_addresses, unsuppress
from tasks.privacy.erase import erase_person
from tasks.privacy.lift import lift_erasure
from tasks.privacy.person import find_customer
from tasks.tables import CUSTOMERS, EVENTS, NOTICES, OPT_OUTS, ORDERS, SUPPRESSIONS
from tests.support.builders import ANNA, day
from tests.support.shop_driver import customer, noon

KEY = b"k" * 32
HASH = erased_id(KEY, ANNA.id)


@pytest.fixture
def shop(imported_shop):
    imported_shop.context = replace(imported_shop.context, erasure_key=KEY)
    return imported_shop


def erase(shop, given=ANNA.id):
    with shop.context.engine.begin() as connection:
        return erase_person(shop.context, connection, find_customer(shop.context, connection, given), "eva")


def take_in(shop, on=0, key=KEY):
    return import_all(shop.context.engine, shop.source, day(on), erasure_key=key)


def test_an_erased_customer_is_imported_again_without_contact_data_and_gets_nothing(shop):
    shop.order("1041")
    assert len(shop.run_day()) == 1
    assert erase(shop).customer == HASH
    shop.system.put("customers", id=ANNA.id, name="Anna Keller-Neu")
    for on in (1, 2):
        take_in(shop, on)
    (row,) = shop.rows(CUSTOMERS)
    assert (row["id"], row["name"], row["email"], row["country"], row["opted_out"]) == (HASH, "", None, "DE", True)
    assert [order["customer_id"] for order in shop.rows(ORDERS)] == [HASH]
    shop.change("1041", expected_on=day(40), on=9)
    take_in(shop, 9)
    assert shop.run_day(9) == []
    assert {notice["customer_id"] for notice in shop.notices} == {HASH}


def test_a_new_order_of_an_erased_customer_is_known_and_names_nobody(shop):
    shop.order("1041")
    erase(shop)
    shop.enter_order("1042")
    shop.system.put("orders", id="1042", customer_id=ANNA.id, recipient="Anna", street="Weg 1", placed_at=noon(-9))
    assert take_in(shop, 1)["orders"].rejected == 0
    orders = {row["id"]: (row["customer_id"], row["recipient"], row["street"]) for row in shop.rows(ORDERS)}
    assert orders == {"1041": (HASH, None, None), "1042": (HASH, None, None)}
    assert shop.run_day(1) == []


def test_a_notice_that_waits_is_skipped(shop):
    shop.order("1041")
    shop.evaluate()
    erase(shop)
    (notice,) = shop.notices
    assert (notice["state"], notice["reason"], notice["text"]) == ("skipped", "opted_out", "")
    shop.deliver()
    assert shop.transport.taken == []


def test_an_import_that_began_before_writes_nothing_more(shop):
    shop.order("1041")
    before = without_erased(shop.context.engine, shop.source, KEY)
    erase(shop)
    with read_only(shop.context.engine) as connection:
        check_nobody_erased(connection, without_erased(shop.context.engine, shop.source, KEY))
        with pytest.raises(ErasedMeanwhile):
            check_nobody_erased(connection, before)


def test_a_customer_who_came_back_is_imported_again_and_told(shop):
    shop.order("1041")
    erase(shop)
    take_in(shop, 1)
    with shop.context.engine.begin() as connection:
        assert lift_erasure(shop.context, connection, ANNA.id, "eva") == HASH
        with pytest.raises(ForewarnError, match="was not erased here"):
            lift_erasure(shop.context, connection, ANNA.id, "eva")
    take_in(shop, 1)
    assert [order["customer_id"] for order in shop.rows(ORDERS)] == [ANNA.id]
    (sent,) = shop.run_day(1)
    assert sent.to == ANNA.email


@pytest.mark.parametrize("key", [b"", b"x" * 32])
def test_an_import_with_another_secret_is_refused(shop, key):
    shop.order("1041")
    erase(shop)
    with pytest.raises(ForewarnError, match="another secret"):
        take_in(shop, 1, key)


def test_an_opt_out_holds_for_others_with_the_address_and_can_be_lifted(shop):
    shop.order("1041", customer=replace(ANNA, opted_out=True))
    erase(shop)
    assert shop.rows(OPT_OUTS) == []
    assert [row["address"] for row in shop.rows(SUPPRESSIONS)] == [hashed_address(KEY, ANNA.email)]
    with shop.context.engine.begin() as connection:
        assert suppressed_addresses(connection, {ANNA.email, "b@example.com"}, KEY) == {ANNA.email: "suppressed"}
        unsuppress(connection, ANNA.email, noon(1), "eva", "", KEY)
        assert suppressed_addresses(connection, {ANNA.email}, KEY) == {}


def test_a_waiting_notice_to_another_customer_with_a_suppressed_address_does_not_leave(shop):
    shop.order("1041")
    shop.order("1042", customer=customer("c2", email=ANNA.email))
    shop.evaluate()
    with shop.context.engine.begin() as connection:
        suppress(connection, {ANNA.email: "asked"}, noon(0), "eva")
    erase(shop)
    shop.deliver()
    assert shop.transport.taken == []
    (of_other,) = [notice for notice in shop.notices if notice["order_id"] == "1042"]
    assert (of_other["reason"], of_other["address"]) == ("suppressed", ANNA.email)


def test_events_that_name_the_address_are_scrubbed_and_others_stay(shop):
    shop.order("1041")
    with shop.context.engine.begin() as connection:
        suppress(connection, {ANNA.email: "asked", "b@example.com": "bounced"}, noon(0), "eva")
        unsuppress(connection, ANNA.email, noon(0), "eva", "Anna Keller rang")
        unsuppress(connection, "b@example.com", noon(0), "eva", "b@example.com is right")
    erase(shop)
    said = {(row["subject"], row["why"]) for row in shop.rows(EVENTS) if row["kind"] == "unsuppressed"}
    assert said == {(hashed_address(KEY, ANNA.email), "[erased] rang"), ("b@example.com", "b@example.com is right")}


def test_a_customer_is_found_by_id_by_address_and_after_erasure_and_nobody_else_is(shop):
    shop.order("1041")
    with read_only(shop.context.engine) as connection:
        assert find_customer(shop.context, connection, "c1") == "c1"
        assert find_customer(shop.context, connection, " Anna@Example.com") == "c1"
        with pytest.raises(ForewarnError, match="no customer 'c9'"):
            find_customer(shop.context, connection, "c9")
    erase(shop)
    with read_only(shop.context.engine) as connection:
        assert find_customer(shop.context, connection, "c1") == HASH
    assert shop.rows(NOTICES) == []
