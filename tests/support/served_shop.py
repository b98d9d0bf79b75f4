"""The sample shop of today, served by `forewarn serve`; its messages leave by a transport of the test."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.composition import open_app
from cli.demo_site import use_local_links
from flows.late_orders import run_late_orders
from models.enums import Channel
from models.policy.messaging import GuardrailPolicy
from models.staff import Role
from sources.sample import write_sample
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.worker import DeliveryWorker, mark_abandoned
from tasks.staff.accounts import add_person
from tests.support.at_once import run_at_once
from tests.support.delivery import deliver_all
from tests.support.desk import give_password
from tests.support.serving import get
from tests.support.shop_driver import FakeTransport
from tests.support.terminals import free_port, until

FOREWARN = Path(sys.executable).with_name("forewarn")


@dataclass
class ServedShop:
    """A shop whose desk is served by a process of its own, over the same ledger."""

    app: object
    url: str
    transport: FakeTransport

    def evaluate(self, *, limit=None, allowed=1.0, import_first=False):
        """Find late orders, as `forewarn run` does; a run that would tell more than `allowed` of them is held."""
        policy = self.app.context.policy
        guardrails = GuardrailPolicy(max_late_share=allowed, min_orders=1)
        context = replace(self.app.context, policy=policy.model_copy(update={"guardrails": guardrails}))
        app = replace(self.app, context=context)
        return run_at_once(run_late_orders(app, None, import_first=import_first, limit=limit))

    def deliver(self, transport=None, *, after=timedelta()):
        """Send what is due, as a turn of `forewarn deliver` does; return the messages that left."""
        moment, transport = datetime.now(UTC) + after, transport or self.transport
        holder = LeaseHolder(f"test {moment}", timedelta(seconds=600))
        worker = DeliveryWorker(holder, dict.fromkeys((Channel.EMAIL, Channel.SMS), transport), 4, lambda: moment)
        context = self.app.context.with_run("test", self.app.context.as_of, moment)
        before = len(self.transport.taken)

        async def turn():
            await deliver_all(context, worker, DeliverySummary(in_doubt=mark_abandoned(self.app.context, worker)))

        run_at_once(turn())
        return self.transport.taken[before:]

    def add_person(self, name, mail, *roles):
        """Let somebody sign in with the tests' password."""
        with self.app.context.engine.begin() as connection:
            given = frozenset(map(Role, roles))
            person = add_person(connection, name, mail, given, datetime.now(UTC), "a test")
        give_password(self.app.context, person)


@contextmanager
def served_shop(place, orders=120, *, policy="", settings=None):
    """Make the sample shop in a folder, import it, and serve it until the end.

    `policy` is added to that of the sample shop; `settings` are those of the server, such as `FOREWARN_X`.
    """
    port = free_port()
    shop = place / "shop"
    write_sample(shop, orders=orders, seed=7, as_of=datetime.now(UTC).date())
    use_local_links(shop, port)
    with (shop / "policy.toml").open("a") as own:
        own.write(policy)
    ours = environment(place, settings)
    url = f"http://127.0.0.1:{port}"
    with open_app(shop) as app:
        served = ServedShop(app, url, FakeTransport())
        served.evaluate(limit=0, import_first=True)
        command = [FOREWARN, "serve", "--port", str(port)]
        with subprocess.Popen(command, cwd=place, env=ours, stdout=subprocess.DEVNULL) as server:  # noqa: S603
            try:
                until(lambda: _answers(url), "the desk is served")
                yield served
            finally:
                server.terminate()


def environment(place, settings=None):
    """Return the environment of a process of the shop that is served from a folder."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    return ours | {"FOREWARN_SHOP": str(place / "shop"), "FOREWARN_HOME": str(place)} | (settings or {})


def _answers(url):
    try:
        return get(f"{url}/healthz").status == 200
    except OSError:
        return False
