"""Let tickets be found: by words of their texts, by what names them, by who holds them and who spoke in them.

Revision ID: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0016"


def upgrade() -> None:
    """Make the indexes. While they are made, nothing is written: about a minute for a million texts."""
    op.create_index("ix_texts_words", "texts", [sa.text("to_tsvector('simple', text)")], postgresql_using="gin")
    op.create_index("ix_tickets_assignee", "tickets", ["assignee", "opened_at"])
    op.create_index("ix_tickets_opened", "tickets", ["opened_at", "id"])
    op.create_index("ix_tickets_external_id", "tickets", ["external_id"])
    op.create_index("ix_tickets_jira_key", "tickets", ["jira_key"])
    op.create_index(
        "ix_ticket_events_customer",
        "ticket_events",
        ["actor_id"],
        postgresql_where=sa.text("actor_role IN ('customer', 'integration')"),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_events_customer", "ticket_events")
    for name in ("jira_key", "external_id", "opened", "assignee"):
        op.drop_index(f"ix_tickets_{name}", "tickets")
    op.drop_index("ix_texts_words", "texts")
