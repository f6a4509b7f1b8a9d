"""Jira: an issue belongs to a ticket or to an incident; what its owner was told of it; outages.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the ticket of an issue its owner, by the id of the owner's workflow."""
    op.alter_column("jira_links", "ticket_id", new_column_name="owner")
    op.execute("UPDATE jira_links SET owner = 'ticket-' || owner")
    op.execute("ALTER INDEX ix_jira_links_ticket_id RENAME TO ix_jira_links_owner")
    op.add_column("jira_links", sa.Column("jira_id", sa.Text(), nullable=True))
    op.add_column("jira_links", sa.Column("told", sa.Text(), nullable=True))
    op.add_column("jira_links", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jira_links", sa.Column("watched", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("jira_links", sa.Column("fingerprint", sa.Text(), nullable=True))
    op.add_column("jira_links", sa.Column("twins_due", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE jira_links SET watched = true WHERE phase = 'linked' AND category <> 'done'")
    op.drop_index("ix_jira_links_open", table_name="jira_links")
    op.create_index(op.f("ix_jira_links_jira_id"), "jira_links", ["jira_id"])
    op.create_index("ix_jira_links_watched", "jira_links", ["effect_key"], postgresql_where=sa.text("watched"))
    for column in ("fingerprint", "twins_due"):
        there = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_jira_links_{column}", "jira_links", [column], postgresql_where=there)
    op.create_table(
        "outages",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_outages")),
    )


def downgrade() -> None:
    op.drop_table("outages")
    for column in ("twins_due", "fingerprint"):
        op.drop_index(f"ix_jira_links_{column}", table_name="jira_links")
        op.drop_column("jira_links", column)
    op.drop_index("ix_jira_links_watched", table_name="jira_links")
    op.drop_index(op.f("ix_jira_links_jira_id"), table_name="jira_links")
    op.create_index(
        "ix_jira_links_open",
        "jira_links",
        ["effect_key"],
        postgresql_where=sa.text("phase = 'linked' AND category <> 'done'"),
    )
    for column in ("watched", "told_at", "told", "jira_id"):
        op.drop_column("jira_links", column)
    op.execute("DELETE FROM jira_links WHERE owner NOT LIKE 'ticket-%'")
    op.execute("UPDATE jira_links SET owner = substr(owner, 8)")
    op.execute("ALTER INDEX ix_jira_links_owner RENAME TO ix_jira_links_ticket_id")
    op.alter_column("jira_links", "owner", new_column_name="ticket_id")
