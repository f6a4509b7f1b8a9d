"""Let PostgreSQL know how few messages are made of a template: their count on the page of templates read every event.

PostgreSQL keeps no statistics of a partial index's expression, and without any it takes nearly all events for messages
of a template. So the count of the replies that came back (F9) was planned as a read of the whole journal.

Revision ID: 0033
"""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.execute("CREATE STATISTICS st_ticket_events_template ON (body ->> 'template') FROM ticket_events")
    op.execute("ANALYZE ticket_events")


def downgrade() -> None:
    op.execute("DROP STATISTICS st_ticket_events_template")
