"""Run a function as a Prefect task run inside a flow run, and as a plain call everywhere else."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar, overload

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.objects import TaskRun
from prefect.context import FlowRunContext
from prefect.tasks import exponential_backoff
from sqlalchemy.exc import OperationalError

P = ParamSpec("P")
T = TypeVar("T")
RETRYABLE = (OperationalError,)
"""Errors after which a function may be repeated: the database rolled its transaction back."""
MAX_RETRIES = 2


@overload
async def run_task(work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
@overload
async def run_task(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...
async def run_task(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function with these arguments, in a flow run as a task run that has the function's name.

    A blocking function runs in a thread, and in a flow run it is repeated up to twice after a RETRYABLE error. A
    coroutine function calls providers and records itself what it did: it is never repeated.
    """
    blocking = not inspect.iscoroutinefunction(work)

    async def call() -> Any:
        return await (asyncio.to_thread(work, *args, **kwargs) if blocking else work(*args, **kwargs))

    if FlowRunContext.get() is None:
        return await call()
    task: Task[[], Any] = Task(
        call,
        name=work.__name__,
        task_run_name=work.__name__,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=MAX_RETRIES if blocking else 0,
        retry_delay_seconds=exponential_backoff(backoff_factor=2),
        retry_jitter_factor=0.5,
        retry_condition_fn=_is_retryable,
    )
    return await task()


async def _is_retryable(_: Task[..., Any], __: TaskRun, state: RunState[Any]) -> bool:
    try:
        await state.aresult()
    except RETRYABLE:
        return True
    except BaseException:  # noqa: BLE001 - any other error ends the run, and is raised there
        return False
    return False
