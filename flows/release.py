"""The flow `release`: release or drop a held run from Prefect's page."""

from prefect import flow

from app.clock import make_clock
from app.composition import open_app
from app.prefect_page import as_state, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.story import Story
from app.safe_text import markdown_cell
from tasks.guardrails.release import ReviewDecision, release_or_drop_run

RELEASE = "release"


@flow(name=RELEASE, flow_run_name="release {run}: {decision}", retries=0)
async def release(
    run: str, who: str, decision: ReviewDecision = ReviewDecision.RELEASE, why: str = "", shop: str | None = None
) -> dict[str, str | int]:
    """Decide about a run that the guardrails held; `deliver` then sends what was released.

    Args:
        run: the held run, by the beginning of its id, as the run's artifact and `forewarn status` show it.
        who: who decides this; kept in the ledger.
        decision: release its notices, or drop them: then their customers count as not told.
        why: the reason; kept in the ledger.
        shop: the shop's folder; FOREWARN_SHOP where none is given.

    """
    with open_app(shop) as app:
        context = make_clock(app.folder.shop.zone, None).snapshot(app.context)
        result = await run_task(release_or_drop_run, context, run, decision, who, why)
        title = "Dropped" if decision is ReviewDecision.DROP else "Released"
        message = (
            f"{title} run {result.run[:8]}, decided by {who}: {result.notices:,} messages "
            + ("are never sent." if decision is ReviewDecision.DROP else "leave with the next run of deliver.")
            + (" Its data is accepted." if result.data_accepted else "")
        )
        await publish_artifact(app, RELEASE, f"{markdown_cell(message)}\n", title=title, run=result.run)
        story = Story(f"release {result.run[:8]}: {title.lower()}, {result.notices:,} messages", message, (message,))
        await tell_story(app, story)
    return as_state({"run": result.run, "notices": result.notices}, story)  # type: ignore[no-any-return] # its data
