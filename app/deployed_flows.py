"""Start runs of the deployments beside this run's own: each of a server's shops has its own names."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from prefect.deployments import arun_deployment
from prefect.exceptions import PrefectException
from prefect.runtime import deployment, flow_run

from models.errors import ForewarnError

ANSWER_SECONDS = 30.0
"""Seconds that the server may take: sending waits meanwhile."""


def name_beside(mine: str | None, my_flow: str, flow: str) -> str:
    """Return the name of a flow's deployment that belongs to the same shop as the deployment `mine` of `my_flow`."""
    ending = mine.removeprefix(my_flow) if mine and mine.startswith(f"{my_flow}-") else ""
    return f"{flow}{ending}"


async def start_run_of(flow: str, parameters: Mapping[str, Any]) -> None:
    """Start a run of a flow's deployment, and do not wait for it.

    Raises ForewarnError where the server does not answer or the flow is not deployed.
    """
    name = name_beside(deployment.name, flow_run.flow_name, flow)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await arun_deployment(f"{flow}/{name}", parameters=dict(parameters), timeout=0, as_subflow=False)
    except (httpx.HTTPError, PrefectException, TimeoutError) as error:
        raise ForewarnError(f"Prefect started no run of {name}: {type(error).__name__}") from error
