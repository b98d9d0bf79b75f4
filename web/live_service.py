"""Serve a shop by the policy that its file has at each moment: a policy saved on the desk counts without a restart."""

from collections.abc import Callable
from dataclasses import replace

from starlette.types import ASGIApp, Receive, Scope, Send

from app.composition import App
from app.live_policy import LivePolicy
from rules.delays.working_days import Calendar


class LiveService:
    """One shop's application, which is built again when the policy has changed."""

    def __init__(self, app: App, build: Callable[[App], ASGIApp]) -> None:
        self._app, self._build = app, build
        self._policy = LivePolicy(app.folder.path, app.context.policy)
        self._service = build(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the policy as it is now; a request that is under way keeps the one with which it began."""
        policy = self._policy()
        if policy != self._app.context.policy:
            context = replace(self._app.context, policy=policy, calendar=Calendar(policy.days))
            self._app = replace(self._app, context=context)
            self._service = self._build(self._app)
        await self._service(scope, receive, send)
