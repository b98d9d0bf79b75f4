"""One post on every network: each gets it once, whatever happens on the way."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

from models.enums import NETWORKS, Channel, State
from models.messages import Picture
from models.posts import PostWords, Writer
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import DeliveryWorker
from tasks.posts.approval import approve_post, ask_for_approval
from tasks.posts.drafts import write_post
from tests.support.delivery import deliver_all
from tests.support.networks import BY_CHANNEL, Mishap, open_transport, run_network
from tests.support.provider import Answer
from tests.support.shop_driver import noon

TEXT = "The lamp is back 💡\n\nhttps://shop.example/lamp #lamps"
PICTURE = Picture(b"\xff\xd8\xff" + bytes(500), "image/jpeg", "A lamp on a desk")
MISHAPS = {
    Channel.X: [Mishap.DROPPED_AFTER],
    Channel.FACEBOOK: [Mishap.DROPPED_BEFORE],
    Channel.BLUESKY: [Mishap.DROPPED_AFTER],
    Channel.MASTODON: [Answer(429, {"error": "Too many requests"})],
    Channel.LINKEDIN: [Answer(500, {}), Mishap.DROPPED_AFTER],
}
TEN_MINUTES = timedelta(minutes=10)


def test_a_post_is_on_every_network_once_whatever_happens_on_the_way(driver):
    context = replace(driver.context, open_networks=NETWORKS, connected_networks=NETWORKS)
    with driver.context.engine.begin() as connection:
        post = write_post(context, connection, PostWords(TEXT, NETWORKS, picture=PICTURE), Writer("Mara"))
        ask_for_approval(context, connection, post, Writer("Mara"))
        approve_post(context, connection, post, Writer("Eva"))

    async def deliver(networks, at):
        transports = {channel: open_transport(network, channel, lambda: at) for channel, network in networks.items()}
        worker = DeliveryWorker(LeaseHolder(f"run {at}", TEN_MINUTES), transports, 4, lambda: at)
        await reconcile_in_doubt(context, worker)
        await deliver_all(context.with_run("test", at.date(), at), worker)
        for transport in transports.values():
            await transport.close()

    async def live():
        clock = [noon(0)]
        async with AsyncExitStack() as stack:
            networks = {
                channel: await stack.enter_async_context(run_network(kind(lambda: clock[0])))
                for channel, kind in BY_CHANNEL.items()
            }
            for channel, network in networks.items():
                network.mishaps = list(MISHAPS[channel])
            for n in range(12):
                clock[0] = noon(0) + n * TEN_MINUTES
                await deliver(networks, clock[0])
        return networks

    networks = asyncio.run(live())
    assert {row["network"]: row["state"] for row in driver.post_messages} == dict.fromkeys(
        map(str, NETWORKS), State.SENT
    )
    for network in networks.values():
        assert [(post.text, post.picture.description) for post in network.posts] == [(TEXT, PICTURE.description)]
