"""Add what the support time that a ticket has left is reckoned from, and the account's zone.

A ticket whose clocks stand still has what is left from its next event on, and is read as a whole until then.

Revision ID: 0042
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0038"

_COUNTED = """
    UPDATE tickets SET account_zone = state #>> '{account,zone}', sla_counted = (
        SELECT CASE WHEN leg #>> '{cell,clock}' = 'wall' THEN 'wall'
                    WHEN jsonb_typeof(leg -> 'calendar') = 'object' THEN 'own' ELSE 'plan' END
        FROM jsonb_array_elements(state -> 'clocks') AS clock,
             LATERAL (SELECT clock -> 'legs' -> coalesce((clock ->> 'leading')::int, 0) AS leg) AS found
        WHERE leg IS NOT NULL AND (clock ->> 'due')::timestamptz = sla_deadline AND clock ->> 'met_at' IS NULL
        LIMIT 1)
    WHERE status IN ('new', 'open', 'pending')
"""


def upgrade() -> None:
    op.add_column("tickets", sa.Column("sla_counted", sa.Text(), nullable=True))
    op.add_column("tickets", sa.Column("sla_left", sa.Interval(), nullable=True))
    op.add_column("tickets", sa.Column("account_zone", sa.Text(), nullable=True))
    op.execute(_COUNTED)


def downgrade() -> None:
    for name in ("account_zone", "sla_left", "sla_counted"):
        op.drop_column("tickets", name)
