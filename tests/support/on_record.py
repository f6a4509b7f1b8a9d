"""What stands on record of those who were turned away: known ones row by row, strangers by their count."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.tables.integrations import TurnedAwayRow
from store.tables.tickets import RefusalRow


def on_record(session: Session, latest: int = 1000) -> list[RefusalRow]:
    """The `latest` of them, the last one last. A stranger who was counted three times is there three times."""
    known = select(RefusalRow).order_by(RefusalRow.at.desc()).limit(latest)
    counted = select(TurnedAwayRow).order_by(TurnedAwayRow.last_at.desc()).limit(latest)
    rows = list(session.scalars(known))
    for one in session.scalars(counted):
        who = f"token {one.token}" if one.token else "unknown"
        stranger = {"actor_id": who, "role": "", "code": one.code, "channel": one.channel, "command": one.source}
        rows += [RefusalRow(at=one.last_at, missing=[], **stranger) for _ in range(min(one.times, latest))]
    return sorted(rows, key=lambda row: row.at)[-latest:]
