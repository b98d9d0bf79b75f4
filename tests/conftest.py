import gc
import os
from dataclasses import replace

import pytest

# A console that finds a width set when it is made keeps it; tests that want another one set it later.
os.environ.pop("COLUMNS", None)

from tests.support.checked_templates import remember_checks, share_checks
from tests.support.engines import make_engines_cheap
from tests.support.imported_shop import ImportedShop
from tests.support.ledgers import copied_migrations, sqlite_ledger
from tests.support.passwords import make_passwords_quick
from tests.support.postgres import started
from tests.support.provider import run_provider
from tests.support.shop_driver import SMALL_SHOP_POLICY, ShopDriver, open_context, place_orders
from tests.support.warm_commands import warm_commands

make_engines_cheap()
make_passwords_quick()
remember_checks()

SLOWEST = (
    "test_schedule.py",
    "test_shops_on_one_server.py",
    "test_olist.py",
    "test_first_quarter_marketer.py",
    "test_marketers_day.py",
    "test_first_quarter_operator.py",
    "test_day_of_service.py",
)
"""Files that take minutes, the slowest first. Begun last, one would keep a core alone at the end."""


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Search for no garbage among the modules and tests: they are millions of objects, and stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the slowest files first, as xdist hands them out in this order. Mark what needs PostgreSQL, or may wait."""
    items.sort(key=lambda item: SLOWEST.index(item.path.name) if item.path.name in SLOWEST else len(SLOWEST))
    for item in items:
        given = _databases_of(item)
        if "postgresql" in given or "postgres" in item.fixturenames:
            item.add_marker(pytest.mark.server)
        suffices = item.get_closest_marker("sqlite_suffices") and not item.get_closest_marker("both_databases")
        if suffices and "postgresql" in given:
            item.add_marker(pytest.mark.long)


def _databases_of(item: pytest.Item) -> list[object]:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return [params[name] for name in ("ledger", "database") if name in params]


@pytest.fixture(scope="module", autouse=True)
def quick_migrations():
    """Copy what the migrations make; tests of the migrations run them."""
    with copied_migrations():
        yield


@pytest.fixture(scope="session")
def postgres():
    """Return a PostgreSQL of the tests' own."""
    with started() as server:
        yield server


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """Return a folder that all processes of the tests share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session", autouse=True)
def shared_checks(shared_folder):
    """Check the built-in templates once for each shop, whichever process of the tests needs it first."""
    share_checks(shared_folder / "checked")


@pytest.fixture(scope="session")
def warm_forewarn(shared_folder):
    """Return the folder of a `forewarn` for a PATH that begins at once."""
    return warm_commands(shared_folder)


on_both_databases = pytest.fixture(params=["sqlite", "postgresql"])


@on_both_databases
def ledger(request, tmp_path):
    """Return the address of a ledger without a row."""
    if request.param == "sqlite":
        return sqlite_ledger(tmp_path / "ledger.db")
    return request.getfixturevalue("postgres").emptied()


@on_both_databases
def database(request, tmp_path):
    """Return the address of a database without a table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
async def provider():
    """Return a provider that answers what a test wants."""
    async with run_provider() as running:
        yield running


@pytest.fixture
def context(ledger):
    """Return a context over an empty ledger."""
    found = open_context(ledger)
    yield found
    found.engine.dispose()


@pytest.fixture
def driver(context):
    """Return a driver that takes orders, runs days and records the messages sent."""
    return ShopDriver(context)


@pytest.fixture
def imported_shop(context):
    """Return a driver whose orders and facts arrive by imports."""
    return ImportedShop(context)


@pytest.fixture
def with_policy(driver):
    """Return a function that changes the shop's policy."""

    def change(policy):
        driver.context = replace(driver.context, policy=policy)
        return driver

    return change


@pytest.fixture
def held_run(with_policy):
    """Return a driver at which one run is held, with four notices of four orders."""
    driver = with_policy(SMALL_SHOP_POLICY)
    place_orders(driver, late=4)
    driver.evaluate()
    return driver
