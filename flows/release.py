"""Let a held run's notices go, or drop them: the form of a deployment, and its account."""

from prefect import flow

from app.clock import make_clock
from app.composition import open_app
from app.prefect_tasks import publish_artifact, run_task
from tasks.guardrails.release import ReviewDecision
from tasks.guardrails.release import review_run as decide

RELEASE = "release"


@flow(name=RELEASE, flow_run_name="release {run}: {verdict}", retries=0)
async def release(
    run: str, who: str, verdict: ReviewDecision = ReviewDecision.LET_GO, why: str = "", shop: str | None = None
) -> dict[str, str | int]:
    """Say what becomes of a run that the brake held; `deliver` then sends what was let go.

    Args:
        run: the held run, by the beginning of its id, as the run's artifact and `forewarn status` show it.
        who: who decides this; kept in the ledger.
        verdict: let its notices go, or drop them: then their customers count as not told.
        why: the reason; kept in the ledger.
        shop: the shop's folder; FOREWARN_SHOP where none is given.

    """
    with open_app(shop) as app:
        context = make_clock(app.folder.shop.zone, None).snapshot(app.context)
        done = await run_task(decide, context, run, verdict, who, why)
    await publish_artifact(
        RELEASE, f"Run `{done.run[:8]}`: {who} said {verdict}; {done.notices:,} notices.\n", title="Released"
    )
    return {"run": done.run, "notices": done.notices}
