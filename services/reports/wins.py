"""What went well in a week, and what was learnt (F3): what agents tell the team, articles, and what customers wrote."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from services.reports.figures import ArticleNews, TeamNews, Wins
from store import week_wins as rows
from store.database import Database
from store.week_wins import Kudos

LISTED = 10
"""Lines of each list."""
EXAMPLES = 5
"""Tickets and articles that are named as examples."""


def read(session: Session, first: datetime, last: datetime) -> Wins:
    """Read what went well in a time."""
    found = rows.wins(session, first, last, EXAMPLES)
    shared, written = rows.shared(session, first, last, LISTED), rows.written(session, first, last, LISTED)
    kudos = rows.kudos(session, first, last, LISTED)
    return Wins(
        solved_at_once=found.solved_at_once, examples=tuple(found.examples), best=tuple(found.best),
        articles=tuple(found.articles), gaps=found.gaps,
        shared=tuple(TeamNews(**one._asdict()) for one in shared.first), shared_more=shared.all - len(shared.first),
        written=tuple(ArticleNews(**one._asdict()) for one in written.first),
        written_more=written.all - len(written.first),
        kudos=kudos.all, kudos_tickets=tuple(one.ticket for one in kudos.first),
    )  # fmt: skip


def kudos(db: Database, first: datetime, last: datetime) -> Sequence[Kudos]:
    """Read the newest comments that came with a score of 5 in a time: for a page of ours, since a chat or a program
    would keep them where erasing does not reach. Raises DatabaseDown."""
    with db.session() as session:
        return rows.kudos(session, first, last, LISTED).first
