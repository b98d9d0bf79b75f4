"""Run the migrations on the connection that tasks/db/engine.py hands over, inside its transaction."""

from alembic import context
from sqlmodel import SQLModel

import models.tables.customer
import models.tables.instructions
import models.tables.ledger
import models.tables.numbers
import models.tables.purchasing
import models.tables.search
import models.tables.shop
import models.tables.supply
import models.tables.versions  # noqa: F401 - they fill SQLModel.metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
