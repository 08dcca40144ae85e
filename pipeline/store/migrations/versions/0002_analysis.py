"""Analysis: jobs without a workflow, time limits, biometric data apart, people an account knows"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPEN = "status NOT IN ('succeeded', 'failed', 'cancelled')"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("keeps_biometrics", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("accounts", "keeps_biometrics", server_default=None)
    op.add_column(
        "accounts",
        sa.Column("critical_tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default="[]"),
    )
    op.alter_column("accounts", "critical_tags", server_default=None)
    op.alter_column("jobs", "workflow_slug", nullable=True)
    op.alter_column("jobs", "workflow", nullable=True)
    op.add_column(
        "jobs", sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default="{}")
    )
    op.alter_column("jobs", "options", server_default=None)
    op.add_column("jobs", sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.drop_index("ix_jobs_open", table_name="jobs")
    op.create_index("ix_jobs_open", "jobs", ["status"], postgresql_where=sa.text(OPEN))
    op.create_index(
        "ix_jobs_finished", "jobs", ["kind", "finished_at"], postgresql_where=sa.text("status = 'succeeded'")
    )
    op.create_index("ix_jobs_deadline", "jobs", ["deadline_at"], postgresql_where=sa.text("finished_at IS NULL"))
    op.add_column("items", sa.Column("biometrics", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_table(
        "known_people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_known_people_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_people")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_known_people_account_id_name")),
    )
    op.create_index(op.f("ix_known_people_account_id"), "known_people", ["account_id"])
    op.create_table(
        "known_faces",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("embedding", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["known_people.id"], name=op.f("fk_known_faces_person_id_known_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_faces")),
    )
    op.create_index(op.f("ix_known_faces_person_id"), "known_faces", ["person_id"])

