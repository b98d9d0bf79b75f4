"""Record each run of a flow in the ledger, from its start to its state at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.runtime import flow_run

from app.clock import Clock
from app.composition import App
from app.prefect_page import as_state
from app.prefect_tasks import run_task
from app.reports.story import Story
from models.errors import ForewarnError
from models.run_report import Report
from tasks.context import Context
from tasks.guardrails.run_days import ClockAhead
from tasks.runs.liveness import hold_run_lock
from tasks.runs.records import HELD, REFUSED, finish_run, start_run


def flow_run_name() -> str:
    """Return the flow run's first name: its flow and day. `tell_story` adds the result."""
    return f"{flow_run.flow_name} {flow_run.parameters.get('as_of') or 'today'}"


@asynccontextmanager
async def track_run(app: App, flow: str, time: Clock) -> AsyncIterator[tuple[Context, Report]]:
    """Record the start and the end of a run; yield its context and the report to fill, which is stored with it."""
    context = await run_task(start_run, app.context, flow, time.as_of, time.started_at)
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


def flow_result(report: Report, story: Story) -> Report:
    """Return the flow's result in the state of its story; raises ForewarnError for problems of a run not held.

    A held run has not failed: it did all that it may.
    """
    if report.problems and (report.dry_run or not report.held):
        raise ForewarnError("; ".join(report.problems[:5]))
    return as_state(report, story)  # type: ignore[no-any-return] # callers get its data
