"""Refused sign-ins may be deleted from the audit log, which keeps everything else for good."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

REFUSAL = "the audit log only grows"
KEPT = "old.kind <> 'sign_in_refused'"


def upgrade() -> None:
    """Go one version up."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_entry_not_deleted")
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        op.execute(f"CREATE TRIGGER audit_entry_not_deleted BEFORE DELETE ON audit_entry WHEN {KEPT} {refuse}")
        return
    op.execute("DROP TRIGGER audit_entry_not_deleted ON audit_entry")
    call = "EXECUTE FUNCTION audit_entry_refuse()"
    op.execute(
        f"CREATE TRIGGER audit_entry_not_deleted BEFORE DELETE ON audit_entry FOR EACH ROW WHEN ({KEPT}) {call}"
    )
    op.execute(f"CREATE TRIGGER audit_entry_not_emptied BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT {call}")
