"""What Prefect's page shows of a flow run: its name, tags, log, artifacts and final state. Addresses are masked."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.states import Completed

from app.composition import App
from app.desk_links import desk_run_url, desk_url, shop_key
from app.reports.story import Story
from tasks.context import Context


class _NoRoutine(logging.Filter):
    """Drops `Finished in state Completed()` of each task run: the log says what was found in place of it."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.getMessage() != "Finished in state Completed()"


logging.getLogger("prefect.task_runs").addFilter(_NoRoutine())


def artifact_key(app: App, key: str) -> str:
    """Return the key of an artifact on a server that several shops may share."""
    return f"{shop_key(app.folder.shop)}-{key}"


async def publish_artifact(
    app: App,
    key: str,
    markdown: str,
    table: Sequence[Mapping[str, Any]] | None = None,
    title: str = "",
    *,
    run: str | None = None,
) -> None:
    """Show a summary, and a table below it, on the flow run's page in Prefect. Does nothing outside a flow run."""
    if FlowRunContext.get() is None:
        return
    summary = artifact_key(app, f"{key}-summary")
    links = _links(app, summary, artifact_key(app, f"{key}-orders") if table else None, run)
    await acreate_markdown_artifact(key=summary, markdown=f"{markdown}\n{links}", description=title)
    if table:
        rows = [{name: _plain(value) for name, value in row.items()} for row in table]
        await acreate_table_artifact(key=artifact_key(app, f"{key}-orders"), table=rows, description=title)


def _plain(value: object) -> object:
    """Return a cell as JSON has it: dates as text."""
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _links(app: App, summary: str, table: str | None, run: str | None) -> str:
    """Return links as markdown: Prefect's menu has none to the artifacts."""
    links = [f"[earlier ones](/artifacts/key/{summary})"]
    links += [f"[each row](/artifacts/key/{table})"] if table else []
    links += ["[all artifacts](/artifacts)"]
    if page := desk_run_url(app, run):
        links.insert(0, f"[this run on the desk]({page})")
    elif desk := desk_url(app):
        links.insert(0, f"[the desk]({desk})")
    return f"More: {' · '.join(links)}\n"


async def tell_story(app: App, story: Story) -> None:
    """Name and tag the flow run by its outcome, and log the sentences. Does nothing outside a flow run."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    log_sentences(story.sentences)
    # Tags add up over the deliveries of one run.
    context.flow_run.tags = sorted({*context.flow_run.tags, shop_key(app.folder.shop), *story.tags})
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, name=story.name, tags=context.flow_run.tags)


def log_sentences(sentences: Iterable[str]) -> None:
    """Write sentences into the flow run's log. Does nothing outside a flow run."""
    if FlowRunContext.get() is not None:
        log = get_run_logger()
        for sentence in sentences:
            log.info("%s", sentence)


async def rename_flow_run(name: str) -> None:
    """Give the flow run another name. Does nothing outside a flow run."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, name=name)


def as_state(result: Any, story: Story) -> Any:
    """Return a flow's result in the final state that its page shows: the state's name and message tell the outcome.

    Whoever calls the flow directly gets the result itself.
    """
    return Completed(name=story.state, message=story.message, data=result)


def emit_shop_event(app: App, event: str, sentence: str, *, run: Context | None = None, number: int = 0) -> None:
    """Emit an event of the shop, to which the automation of an alert listens. Does nothing outside a flow run."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    shop = app.folder.shop
    page = desk_run_url(app, run.run_id if run else None) or desk_url(app) or ""
    emit_event(
        event=event,
        resource={"prefect.resource.id": f"forewarn.shop.{shop_key(shop)}", "prefect.resource.name": shop.name},
        related=[
            {
                "prefect.resource.id": f"prefect.flow-run.{context.flow_run.id}",
                "prefect.resource.role": "flow-run",
                "prefect.resource.name": context.flow_run.name,
            }
        ],
        payload={"sentence": sentence, "number": number, "desk": page},
    )
