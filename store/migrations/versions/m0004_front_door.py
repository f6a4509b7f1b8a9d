"""Deliveries that are acted on in order and again, the tokens of the API, what goes out.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create what intake, helpdesk and erasure need. Deliveries that wait are few: a new index on them costs
    nothing."""
    op.add_column("inbox", sa.Column("about", sa.Text(), server_default="", nullable=False))
    op.add_column("inbox", sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("inbox", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("inbox", sa.Column("error", sa.Text(), nullable=True))
    op.drop_index("ix_inbox_unhandled", table_name="inbox")
    op.create_index(
        "ix_inbox_unhandled", "inbox", ["source", "about", "id"], postgresql_where=sa.text("handled_at IS NULL")
    )
    op.create_index("ix_tickets_account", "tickets", ["account", "opened_at"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )
    _intake()
    _helpdesk()
    _erasure()


def _intake() -> None:
    """Add whose a ticket is (G10), and whether its account is known."""
    op.add_column("tickets", sa.Column("team", sa.Text(), nullable=True))
    op.add_column(
        "tickets", sa.Column("account_unknown", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_index("ix_tickets_unknown", "tickets", ["account"], postgresql_where=sa.text("account_unknown"))


def _helpdesk() -> None:
    """Create the queues of what goes out, in order: to the helpdesk that tickets came from, and to whoever
    subscribes."""
    op.create_table(
        "destinations",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_destinations")),
    )
    op.create_table(
        "feed",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'sent', 'failed')", name=op.f("ck_feed_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
        sa.UniqueConstraint(
            "destination", "ticket_id", "epoch", "seq", name=op.f("uq_feed_destination_ticket_id_epoch_seq")
        ),
    )
    op.create_index(
        "ix_feed_pending",
        "feed",
        ["destination", "ticket_id", "id"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "helpdesk_links",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("heard", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fields", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("system", "external_id", name=op.f("pk_helpdesk_links")),
    )
    op.create_index(op.f("ix_helpdesk_links_ticket_id"), "helpdesk_links", ["ticket_id"])


def _erasure() -> None:
    """Add from when on a ticket's texts are gone, and the record of every erasure."""
    op.add_column("tickets", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "erasures",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=True),
        sa.Column("texts", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("names", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_ticket_id"), "erasures", ["ticket_id"])


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_column("tickets", "erased_at")
    for table in ("helpdesk_links", "feed", "destinations"):
        op.drop_table(table)
    op.drop_index("ix_tickets_unknown", table_name="tickets")
    for name in ("account_unknown", "team"):
        op.drop_column("tickets", name)
    op.drop_table("tokens")
    op.drop_index("ix_tickets_account", table_name="tickets")
    op.drop_index("ix_inbox_unhandled", table_name="inbox")
    op.create_index("ix_inbox_unhandled", "inbox", ["id"], postgresql_where=sa.text("handled_at IS NULL"))
    for name in ("error", "not_before", "attempts", "about"):
        op.drop_column("inbox", name)
