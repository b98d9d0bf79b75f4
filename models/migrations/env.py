"""Run the migrations on the connection that tasks/db.py hands over, inside its transaction."""

from alembic import context
from sqlmodel import SQLModel

import models.ledger
import models.ledger_supply
import models.shop  # noqa: F401 - they fill SQLModel.metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
