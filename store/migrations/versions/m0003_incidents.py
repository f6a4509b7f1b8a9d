"""Incidents: their journal, and their projection.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the incident's tables. An incident from before has no journal: it goes on as it is, and ends."""
    instant = sa.DateTime(timezone=True)
    for column in (
        sa.Column("seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("status", sa.Text(), server_default="declared", nullable=False),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("commander", sa.Text(), nullable=True),
        sa.Column("drill", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("acknowledged_at", instant, nullable=True),
        sa.Column("mitigated_at", instant, nullable=True),
        sa.Column("resolved_at", instant, nullable=True),
        sa.Column("reviewed_at", instant, nullable=True),
        sa.Column("page_keys", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state", JSONB(), nullable=True),
    ):
        op.add_column("incidents", column)
    op.add_column("incident_tickets", sa.Column("heard", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "incident_events",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("detected", instant, nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.Text(), nullable=False),
        sa.Column("event", JSONB(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("superseded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("recorded_at", instant, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["incidents.number"], name=op.f("fk_incident_events_number")),
        sa.PrimaryKeyConstraint("number", "epoch", "seq", name=op.f("pk_incident_events")),
    )
    op.create_index(
        "uq_incident_events_live",
        "incident_events",
        ["number", "seq"],
        unique=True,
        postgresql_where=sa.text("NOT superseded"),
    )
    op.create_table(
        "incident_texts",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["number", "epoch", "seq"],
            ["incident_events.number", "incident_events.epoch", "incident_events.seq"],
            name=op.f("fk_incident_texts_number_epoch_seq"),
        ),
        sa.PrimaryKeyConstraint("number", "epoch", "seq", "name", name=op.f("pk_incident_texts")),
    )


def downgrade() -> None:
    op.drop_table("incident_texts")
    op.drop_table("incident_events")
    op.drop_column("incident_tickets", "heard")
    for column in (
        "state", "page_keys", "reviewed_at", "resolved_at", "mitigated_at", "acknowledged_at", "drill", "commander",
        "priority", "status", "epoch", "seq",
    ):  # fmt: skip
        op.drop_column("incidents", column)
