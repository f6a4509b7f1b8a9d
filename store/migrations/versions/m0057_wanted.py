"""The index of the tickets whose customers wait for what engineering has open (F4, F10).

Revision ID: 0057
"""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"

_WAITS = """tickets.jira_key IS NOT NULL
    AND (tickets.status IN ('new', 'open', 'pending')
        OR tickets.state ->> 'resolution' IN ('feature_request', 'workaround'))
    AND coalesce(tickets.state -> 'jira' ->> 'answered', 'false') = 'false'
    AND coalesce(tickets.state -> 'jira' ->> 'shipped', 'false') = 'false'
    AND coalesce(tickets.state -> 'jira' ->> 'category', 'new') NOT IN ('done', 'gone')"""


def upgrade() -> None:
    op.create_index("ix_tickets_wanted", "tickets", ["jira_key", "account"], postgresql_where=sa.text(_WAITS))


def downgrade() -> None:
    op.drop_index("ix_tickets_wanted", "tickets")
