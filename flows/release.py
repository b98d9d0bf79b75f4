"""The flow `release`: release or drop a held run from Prefect's page."""

from prefect import flow

from app.clock import make_clock
from app.composition import open_app
from app.prefect_tasks import publish_artifact, run_task
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
    await publish_artifact(
        RELEASE,
        f"Run `{result.run[:8]}`: {who} decided to {decision} it; {result.notices:,} notices."
        + (" Its data is accepted." if result.data_accepted else "")
        + "\n",
        title="Dropped" if decision is ReviewDecision.DROP else "Released",
    )
    return {"run": result.run, "notices": result.notices}
