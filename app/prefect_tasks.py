"""Do a piece of work as a Prefect task run inside a flow run, and plainly everywhere else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from prefect import Task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.objects import TaskRun
from prefect.context import FlowRunContext
from prefect.tasks import exponential_backoff
from sqlalchemy.exc import OperationalError

from tasks.offers.budget import WriteConflict

T = TypeVar("T")
RETRYABLE = (OperationalError, WriteConflict)
"""What may be repeated: the transaction was rolled back, so nothing was done."""


async def deed(name: str, work: Callable[[], T]) -> T:
    """Do blocking work in a thread; a fault that certainly left nothing behind is tried again."""
    return await _run(name, lambda: asyncio.to_thread(work), retries=2)


async def once(name: str, work: Callable[[], Awaitable[T]]) -> T:
    """Do work that keeps its own account of what was done; it is never repeated here."""
    return await _run(name, work, retries=0)


async def _run(name: str, work: Callable[[], Awaitable[T]], retries: int) -> T:
    if FlowRunContext.get() is None:
        return await work()

    async def body() -> T:
        return await work()

    task: Task[[], Any] = Task(
        body,
        name=name.split(":")[0],
        task_run_name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=retries,
        retry_delay_seconds=exponential_backoff(backoff_factor=2),
        retry_jitter_factor=0.5,
        retry_condition_fn=_is_retryable,
    )
    done: T = await task()
    return done


async def _is_retryable(_: Task[..., Any], __: TaskRun, state: RunState[Any]) -> bool:
    try:
        await state.aresult()
    except RETRYABLE:
        return True
    except BaseException:  # noqa: BLE001 - any other fault ends the run, and is raised there
        return False
    return False


async def publish_artifact(key: str, markdown: str, table: list[dict[str, Any]] | None = None, title: str = "") -> None:
    """Leave what people read in Prefect's page: a summary, and a table under it. Nothing outside a flow run."""
    if FlowRunContext.get() is None:
        return
    await acreate_markdown_artifact(key=f"{key}-summary", markdown=markdown, description=title)
    if table:
        await acreate_table_artifact(key=f"{key}-orders", table=table, description=title)


async def rename_flow_run(name: str) -> None:
    """Give the flow run a name that tells what came of it."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, name=name)
