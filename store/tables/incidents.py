"""Tables of incidents: the projection, and which tickets are part of one."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Json


class IncidentRow(Base):
    """An incident. At most one is open for an area and `separate_key`.

    The row is there before the incident's workflow starts. From its first event on, `state` is the whole
    `domain.incident.state.Incident` as its live events leave it; the other columns are derived from it, for queries.
    """

    __tablename__ = "incidents"

    number: Mapped[int] = mapped_column(Identity(), primary_key=True)
    area: Mapped[str]
    separate_key: Mapped[str] = mapped_column("fingerprint")
    """What keeps it apart from the other incidents of its area: a drill's mark, or the effect of a ticket that a person
    split off. Empty: nothing does."""
    opened_at: Mapped[datetime]
    opened_by: Mapped[str | None]
    """Who is counted for it (G6): a person's or a source's name. Empty: nobody is."""
    closed_at: Mapped[datetime | None]
    """No ticket joins it any more."""
    seq: Mapped[int] = mapped_column(server_default=text("0"))
    epoch: Mapped[int] = mapped_column(server_default=text("1"))
    """1, and one more for every workflow reset that rewrote the incident's past."""
    status: Mapped[str] = mapped_column(server_default="declared")
    priority: Mapped[str | None]
    commander: Mapped[str | None]
    drill: Mapped[bool] = mapped_column(server_default=text("false"))
    acknowledged_at: Mapped[datetime | None]
    mitigated_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    reviewed_at: Mapped[datetime | None]
    page_keys: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """The keys under which the pager knows it."""
    state: Mapped[Json | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("uq_incidents_open", "area", "fingerprint", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_incidents_opened_by", "opened_by", "opened_at", postgresql_where=text("opened_by IS NOT NULL")),
        Index("ix_incidents_updated_at", "updated_at"),
        Index("ix_incidents_asked", "number", postgresql_where=text("status NOT IN ('reviewed', 'cancelled')")),
        Index("ix_incidents_status", "status", "number"),
        Index(
            "ix_incidents_late", "number",
            postgresql_where=text(
                "jsonb_path_exists(state, '$.undone[*] ? (@.failed == true || @.alerted == true)'::jsonpath)"
            ),
        ),
    )  # fmt: skip


class IncidentTicketRow(Base):
    """A ticket's part in an incident, by the effect that asked for it."""

    __tablename__ = "incident_tickets"

    effect_key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(ForeignKey("incidents.number"), index=True)
    ticket_id: Mapped[str]
    joined_at: Mapped[datetime]
    known: Mapped[bool] = mapped_column("heard", server_default=text("false"))
    """The incident itself knows of the ticket: it stands in its journal."""
