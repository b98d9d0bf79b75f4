"""The desk: who may sign in, their sessions, and the audit log, which only grows."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KEPT = (
    "id", "at", "who", "person_id", "kind", "subject_kind", "subject", "what", "before", "after", "form_id", "undoes",
)  # fmt: skip
"""The columns of an entry that never change. Its reason can be emptied: people write names into it."""
REFUSAL = "the audit log only grows"


def upgrade() -> None:
    """Go one version up."""
    op.create_table(
        "staff_person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mail", sa.String(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=True),
        sa.Column("removed_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mail"),
        sa.UniqueConstraint("subject"),
    )
    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_staff_session_person_id", "staff_session", ["person_id"])
    op.create_index("ix_staff_session_seen_at", "staff_session", ["seen_at"])
    op.create_table(
        "staff_link",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.Column("used_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_staff_link_person_id", "staff_link", ["person_id"])
    op.create_table(
        "staff_try",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("of", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_staff_try_of", "staff_try", ["of", "at"])
    op.create_index("ix_staff_try_at", "staff_try", ["at"])
    op.create_table(
        "staff_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
    )
    _create_audit_log()


def _create_audit_log() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("form_id", sa.String(), nullable=True),
        sa.Column("undone_by", sa.Integer(), nullable=True),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("form_id"),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["at", "id"])
    op.create_index("ix_audit_entry_person", "audit_entry", ["person_id", "id"])
    op.create_index("ix_audit_entry_kind", "audit_entry", ["kind", "id"])
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject_kind", "subject", "id"])
    if op.get_bind().dialect.name == "sqlite":
        _refuse_on_sqlite()
    else:
        _refuse_on_postgresql()


def _refuse_on_sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    kept = ", ".join(f'"{name}"' for name in KEPT)
    op.execute(f"CREATE TRIGGER audit_entry_kept BEFORE UPDATE OF {kept} ON audit_entry {refuse}")
    op.execute(f"CREATE TRIGGER audit_entry_why BEFORE UPDATE OF why ON audit_entry WHEN new.why <> '' {refuse}")
    op.execute(
        f"CREATE TRIGGER audit_entry_undone_once BEFORE UPDATE OF undone_by ON audit_entry "
        f"WHEN old.undone_by IS NOT NULL {refuse}"
    )
    op.execute(f"CREATE TRIGGER audit_entry_not_deleted BEFORE DELETE ON audit_entry {refuse}")
    # INSERT OR REPLACE deletes a row without calling the trigger above. Another form with the same id is left out, as
    # ON CONFLICT DO NOTHING does it.
    same = "EXISTS (SELECT 1 FROM audit_entry WHERE {0} = new.{0})"
    op.execute(
        f"CREATE TRIGGER audit_entry_not_replaced BEFORE INSERT ON audit_entry WHEN {same.format('id')} {refuse}"
    )
    op.execute(
        f"CREATE TRIGGER audit_entry_form_once BEFORE INSERT ON audit_entry WHEN {same.format('form_id')} "
        "BEGIN SELECT RAISE(IGNORE); END"
    )


def _refuse_on_postgresql() -> None:
    refuse = f"BEGIN RAISE EXCEPTION '{REFUSAL}'; END"
    op.execute(f"CREATE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$")
    kept = ", ".join(f'"{name}"' for name in KEPT)
    call = "EXECUTE FUNCTION audit_entry_refuse()"
    op.execute(f"CREATE TRIGGER audit_entry_kept BEFORE UPDATE OF {kept} ON audit_entry FOR EACH ROW {call}")
    op.execute(
        f"CREATE TRIGGER audit_entry_why BEFORE UPDATE OF why ON audit_entry FOR EACH ROW "
        f"WHEN (new.why <> '') {call}"
    )
    op.execute(
        f"CREATE TRIGGER audit_entry_undone_once BEFORE UPDATE OF undone_by ON audit_entry FOR EACH ROW "
        f"WHEN (old.undone_by IS NOT NULL) {call}"
    )
    op.execute(f"CREATE TRIGGER audit_entry_not_deleted BEFORE DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT {call}")
