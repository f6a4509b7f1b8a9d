"""What stands on record of those who were turned away: known ones row by row, strangers by their count."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.tables.integrations import TurnedAwayRow
from store.tables.tickets import RefusalRow


def on_record(session: Session) -> list[RefusalRow]:
    """Everything, the latest last. A stranger who was counted three times is there three times."""
    rows = list(session.scalars(select(RefusalRow)))
    for one in session.scalars(select(TurnedAwayRow)):
        who = f"token {one.token}" if one.token else "unknown"
        stranger = {"actor_id": who, "role": "", "code": one.code, "channel": one.channel, "command": one.source}
        rows += [RefusalRow(at=one.last_at, missing=[], **stranger) for _ in range(one.times)]
    return sorted(rows, key=lambda row: row.at)
