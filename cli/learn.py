"""`forewarn learn`: learn from past orders how likely open ones are to end late."""

import asyncio
from dataclasses import asdict

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, as_date


def learn(shop: Shop = None, as_of: AsOf = None, *, json: Json = False) -> None:
    """Learn from past orders, and say of each open one how likely it is to end late."""
    from app.reports.early_warning import learnt_sentence
    from flows.learn import run_learn

    with open_app(shop, create=CreateLedger.NEVER) as app, printing.progress("Learning", quiet=json):
        learnt = asyncio.run(run_learn(app, as_date(as_of)))
    if json:
        printing.print_json(asdict(learnt))
        return
    printing.out.print(learnt_sentence(learnt), markup=False, soft_wrap=True)
    rows = [
        {
            "said, in 100": row.key,
            "on average": f"{100 * row.said:.0f}",
            "came late": f"{100 * row.came:.0f}",
            "forecasts": f"{row.cases:,}",
        }
        for row in learnt.tenths
    ]
    printing.print_table(rows, nothing="What was said and what came follows when orders have ended that were foretold.")
