"""The sources that a token of an integration is bound to.

A token that was made before this may open tickets of the source that has its own name, and of no other. What needs
another source needs a new token: `tierline token create NAME --role integration --source SOURCE`.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0012"


def upgrade() -> None:
    """Bind tokens to sources; tokens are few. One with the name of a source of Tierline's own is bound to nothing."""
    op.add_column("tokens", sa.Column("sources", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.execute(
        "UPDATE tokens SET sources = ARRAY[actor] WHERE role = 'integration' AND lower(split_part(actor, ':', 1)) "
        "NOT IN ('api', 'cli', 'follow-up', 'webhook', 'zendesk', 'jira', 'pager', 'tierline')"
    )
