"""Build what `forewarn serve` runs: pages for customers and staff, product pages, the JSON API and callbacks."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from app.api_keys import api_keys, metrics_key
from app.callbacks import callback_keys
from app.company_sign_in import company_sign_in
from app.composition import App, current_erasure_key
from app.live_words import LiveRenderer
from app.network_transports import network_pages
from app.next_run import scheduled_starts
from app.panel_keys import panel_bearer, panel_hosts, panel_signer
from app.shop_edits import ShopEdits
from app.transports import reaches_customers
from app.vendor_transports import response_keys
from app.webhook import send_test_event, webhook_host
from models.config.settings import TransportKind
from models.enums import Channel
from models.messages import Message
from tasks.staff.keys import is_key
from web.api.lazy import lazy_api_mount
from web.callbacks.unsubscribe import stop_in, unsubscribe_routes
from web.customer import pages
from web.customer.site import Site
from web.monitoring.routes import monitoring_routes
from web.panel.access import PanelKeys
from web.panel.site import panel_routes
from web.staff.desk import Services
from web.staff.site import staff_routes
from web.storefront.endpoints import Storefront
from web.vendors import responses as vendors


def build_service(app: App, clock: Callable[[], datetime], others: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application of one shop; `others` are further routes, tried after its own."""
    routes: list[BaseRoute] = [
        *Storefront(app.context, clock).routes,
        *pages.routes(app.context, clock, app.context.link_key),
        *vendors.routes(app.context, response_keys(app.settings), clock),
        *_callbacks(app, clock),
        *_unsubscribe(app, clock),
        lazy_api_mount(app.context, api_keys(app.settings), clock),
        *panel_routes(app.context, _panel_keys(app), panel_hosts(app.settings), clock, app.settings.desk_url or ""),
        *staff_routes(app.context, clock, desk_services(app)),
        *monitoring_routes(app.context, metrics_key(app.settings), clock),
    ]
    return Starlette(routes=[*routes, *others])


def desk_services(app: App) -> Services:
    """Return what the settings add to the desk."""
    settings = app.settings
    return Services(
        company=company_sign_in(settings),
        settings_keys=tuple(key[-4:] for key in api_keys(settings)),
        webhook_host=webhook_host(settings),
        desk_url=settings.desk_url or "",
        own_templates=app.folder.own_templates,
        edits=ShopEdits(app.folder.path, edits=app.folder.shop.desk.edits),
        starts=partial(scheduled_starts, settings, app.folder.shop),
        words_changed=renderer.look if isinstance(renderer := app.context.load_renderer, LiveRenderer) else _nothing,
        send_mail=partial(_send_mail, app),
        mails_arrive=Channel.EMAIL in reaches_customers(app.settings),
        keeps_mails=app.settings.email is TransportKind.OUTBOX,
        network_pages=network_pages(settings),
        by_sendgrid=settings.email is TransportKind.SENDGRID,
        send_test=partial(send_test_event, settings) if settings.webhook_url else None,
    )


def _nothing() -> None:
    """Do nothing: messages of this server have the words that it began with."""


def _send_mail(app: App, mail: Message) -> None:
    # Here, because few servers send a test or an invitation, and transports need their libraries.
    from app.trial_message import deliver_test

    asyncio.run(deliver_test(app, mail, "the mail"))


def _callbacks(app: App, clock: Callable[[], datetime]) -> Sequence[BaseRoute]:
    keys = callback_keys(app.settings)
    if not keys.twilio and not keys.sendgrid:
        return []
    # Here, because only a shop whose providers call it needs their libraries.
    from web.callbacks.intake import append_to
    from web.callbacks.routes import callback_routes

    return callback_routes(keys, append_to(app.context, clock, partial(current_erasure_key, app)))


def _unsubscribe(app: App, clock: Callable[[], datetime]) -> Sequence[BaseRoute]:
    context = app.context
    if context.shop.order_pages is None:
        return []
    site = Site(context.shop, context.policy.order_page, lambda: context.renderer.words)
    return unsubscribe_routes(site, context.link_key, stop_in(context, partial(current_erasure_key, app)), clock)


def _panel_keys(app: App) -> PanelKeys:
    settings = app.settings
    return PanelKeys(
        bearer=panel_bearer(settings),
        signer=panel_signer(settings),
        is_known=partial(is_key, app.context.engine),
        audience=settings.panel_audience or "",
    )
