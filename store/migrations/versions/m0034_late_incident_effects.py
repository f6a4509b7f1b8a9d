"""Find the incidents of which an effect was refused or is pending for too long without reading every incident.

An incident that is over may still have one, such as ending its pages, so its status does not find it.

Revision ID: 0034
"""

from alembic import op

revision = "0034"
down_revision = "0037"

_LATE = "jsonb_path_exists(state, '$.undone[*] ? (@.failed == true || @.alerted == true)')"


def upgrade() -> None:
    op.execute(f"CREATE INDEX ix_incidents_late ON incidents (number) WHERE {_LATE}")


def downgrade() -> None:
    op.execute("DROP INDEX ix_incidents_late")
