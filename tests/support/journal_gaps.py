"""Gaps in journals, for tests: activities that have nobody to end them, and databases that lose their last commits."""

import json

from sqlalchemy import text

from activities.support.journal_gaps import JournalGaps
from activities.support.ops_alerts import OpsAlerts
from store.database import Database


def unmended(db: Database) -> JournalGaps:
    """The gaps of activities that are called by no workflow: there is no history to read."""

    def no_history(workflow: str, run: str, write_as: str, seconds: float) -> None:
        raise AssertionError(f"{workflow} has no history")

    return JournalGaps(db, OpsAlerts(()), lambda workflow: 0, no_history)


class Behind:
    """What a replica of the database has of one journal. Where it takes over, what came later is lost."""

    def __init__(self, db: Database, workflow: str) -> None:
        """`workflow` is the id of the ticket's or incident's workflow."""
        self._db = db
        kind, _, key = workflow.partition("-")
        self._key: str | int = int(key) if kind == "incident" else key
        self._table, self._id, self._of = _TABLES[kind]
        with db.session() as session:
            row = session.execute(
                text(f"SELECT seq, epoch, state, status FROM {self._table} WHERE {self._id} = :key"),
                {"key": self._key},
            ).one()
        self.seq: int = row.seq
        self._row = {"seq": row.seq, "epoch": row.epoch, "state": json.dumps(row.state), "status": row.status}

    def take_over(self) -> None:
        """Lose every commit to this journal since."""
        with self._db.begin() as session:
            for table, column in self._of:
                later = f"DELETE FROM {table} WHERE {column[0]} = :key AND {column[1]} > :seq"
                session.execute(text(later), {"key": self._key, "seq": self.seq})
            put_back = "seq = :seq, epoch = :epoch, status = :status, state = CAST(:state AS jsonb)"
            session.execute(
                text(f"UPDATE {self._table} SET {put_back} WHERE {self._id} = :key"), {"key": self._key, **self._row}
            )


_TABLES = {
    "ticket": (
        "tickets",
        "id",
        [
            ("outbox", ("ticket_id", "event_seq")),
            ("feed", ("ticket_id", "seq")),
            ("texts", ("ticket_id", "seq")),
            ("ticket_events", ("ticket_id", "seq")),
        ],
    ),
    "incident": (
        "incidents",
        "number",
        [("incident_texts", ("number", "seq")), ("incident_events", ("number", "seq"))],
    ),
}
"""The table of the noun, its key, and what belongs to events, with the columns of the key and of the event's place."""
