"""One run of a flow in the ledger: it ends as done or failed, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.runtime import flow_run
from prefect.states import Completed

from app.clock import Clock
from app.composition import App
from app.prefect_tasks import run_task
from models.errors import ForewarnError
from models.run_report import Report
from tasks.context import Context
from tasks.guardrails.run_days import ClockAhead
from tasks.runs.liveness import hold_run_lock
from tasks.runs.records import HELD, REFUSED, finish_run, start_run


def flow_run_name() -> str:
    """Name a run by its flow and day, until its outcome is known."""
    return f"{flow_run.flow_name} {flow_run.parameters.get('as_of') or 'today'}"


@asynccontextmanager
async def track_run(app: App, flow: str, time: Clock) -> AsyncIterator[tuple[Context, Report]]:
    """Write down that a run begins, and how it ended; the report that it fills in the meantime is kept with it."""
    context = await run_task(start_run, app.context, flow, time.as_of, time.now())
    report = Report(run=context.run_id, as_of=context.as_of)
    state = "failed"
    with hold_run_lock(context.engine, context.run_id):
        try:
            yield context, report
            state = HELD if report.held else "done" if report.ok else "failed"
        except ClockAhead:
            state = REFUSED
            raise
        finally:
            await asyncio.to_thread(finish_run, context, time.now(), state, report.model_dump(mode="json"))


def flow_result(report: Report) -> Report:
    """Return what a flow ends with, in a state of its own where the run is held; raises ForewarnError for problems."""
    if report.held and not report.dry_run:
        # Not a failure: the run did all it may do, and a person reads its name in Prefect's page.
        message = "; ".join(report.held.values())
        return Completed(name="Held", message=message, data=report)  # type: ignore[return-value] # callers get its data
    if report.problems:
        raise ForewarnError("; ".join(report.problems[:5]))
    return report
