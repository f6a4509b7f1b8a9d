"""F7: the survey after closing: its answer, its one reminder, and the scores.

An answer is a `rate` command like any other, so the journal has it. Nothing but a form that was sent records one.
"""

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple, get_args

from domain.aggregate.effect import Notice, effect_key
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.core.text import one_line
from domain.core.values import Frozen
from domain.documents.redaction import redact
from domain.policy.policy import Notice as Row
from domain.policy.policy import Policy
from domain.ticket.rules.satisfaction import CHANGEABLE
from domain.ticket.state import workflow_id
from domain.tracker.reported import SUBJECT_LIMIT
from services.tickets import TicketService
from store import journal, outbox, surveys
from store.database import Database
from store.surveys import Group, LowScore, Score, Spoken

ASKED_WITHIN = timedelta(days=7)
"""Tickets that were closed longer ago are reminded of no more: their notices may be gone."""
AT_ONCE = 500
"""Reminders of one round."""
GROUPS: tuple[Group, ...] = get_args(Group)
LONGEST_PERIOD = 400
"""Days that scores may go back."""
MOST_GROUPS = 200
LOOK_BACK = timedelta(days=28)
"""Low scores of this time wait on the board."""
LINES = 10
EFFORTS = ("1", "2", "3", "4", "5", "6", "7")
"""What a customer may say of how easy it was."""


class Survey(NamedTuple):
    """A ticket's survey as its page shows it."""

    ticket: str
    subject: str
    """Without what leaves Tierline nowhere."""
    csat: int | None
    comment: str
    changeable_until: datetime | None
    """Until when the answer may be changed; None: there is no answer."""
    effort: int | None = None

    def open_at(self, now: datetime) -> bool:
        """Return whether it may be answered, or its answer changed."""
        return self.changeable_until is None or now < self.changeable_until


def read(db: Database, ticket: str) -> Survey:
    """Read a ticket's survey. Raises Refused (`not_found`) where nobody is asked any more, DatabaseDown."""
    with db.session() as session:
        found = surveys.answered(session, ticket)
        if found is None or found.erased or found.closed_at is None:
            raise Refused("not_found", "nobody is asked about this ticket any more")
        subject = journal.texts(session, ticket, ["1.subject"]).get("1.subject", "")
    return Survey(
        ticket=ticket,
        subject=one_line(redact(subject).text, SUBJECT_LIMIT),
        csat=found.csat if found.first else None,
        comment=found.comment if found.first else "",
        changeable_until=found.first + CHANGEABLE if found.first else None,
        effort=found.effort if found.first else None,
    )


async def answer(
    service: TicketService, db: Database, ticket: str, csat: str, comment: str, once: str, effort: str = ""
) -> None:
    """Record the customer's answer. The same `once` again is the same answer. `effort` may be left empty.

    Raises Refused, Unavailable, DatabaseDown.
    """
    await asyncio.to_thread(read, db, ticket)
    who = await asyncio.to_thread(_requester, db, ticket)
    payload = {
        "csat": int(csat) if csat in ("1", "2", "3", "4", "5") else None,
        "comment": comment,
        "survey": True,
        "by": who,
        "role": Role.CUSTOMER.value,
        "id": f"survey:{once[:60]}",
    }
    if payload["csat"] is None:
        raise Refused("missing_fields", "choose one of the five", missing=["csat"])
    if effort and effort not in EFFORTS:
        message = "from 1, very hard, to 7, very easy, or nothing"
        raise Refused("malformed", f"effort: {message}", fields={"effort": message})
    if effort:
        payload["effort"] = int(effort)
    await service.handle(ticket, "rate", payload)


def _requester(db: Database, ticket: str) -> str:
    with db.session() as session:
        return journal.requester(session, ticket) or "customer"


def remind(db: Database, policy: Policy, now: datetime) -> int:
    """Write the reminders that are due, each once, whoever else does the same. Returns how many.

    The row of a reminder has the ticket's key: a second one cannot be written. Raises DatabaseDown.
    """
    after = policy.survey.remind_after
    audiences = policy.notices[Row.SURVEY_REMINDER].to
    if after is None or "customer" not in audiences:
        return 0
    with db.begin() as session:
        due = surveys.to_remind(session, asked_before=now - after, closed_since=now - ASKED_WITHIN, limit=AT_ONCE)
        for one in due:
            notice = Notice(
                key=f"{effect_key(workflow_id(one.ticket), surveys.REMINDER, 0)}:customer",
                name=surveys.REMINDER,
                ticket=one.ticket,
                audience="customer",
                recipient=one.account,
                title="How did we do? You have not told us yet",
                priority=one.priority,
                at=one.closed_at,
            )
            outbox.put_or_renew(session, notice)
        return len(due)


# -- Scores --------------------------------------------------------------------------------------------------------


class Scores(Frozen):
    """How satisfied customers were with the tickets that were closed in a time."""

    since: datetime
    by: Group
    all: Score
    scores: tuple[Score, ...] = ()
    """Of each team, category, channel or template, the largest first, or of each hour of the day; none where all were
    asked for together."""


def scores(db: Database, by: Group, days: int, now: datetime) -> Scores:
    """Return the scores of the last days. Raises Refused (`malformed`), DatabaseDown."""
    if not 1 <= days <= LONGEST_PERIOD:
        message = f"from 1 to {LONGEST_PERIOD}"
        raise Refused("malformed", f"days: {message}", fields={"days": message})
    since = now - timedelta(days=days)
    with db.session() as session:
        (every,) = surveys.scores(session, "all", since, 1)
        grouped = [] if by == "all" else surveys.scores(session, by, since, MOST_GROUPS)
    return Scores(since=since, by=by, all=every, scores=tuple(grouped))


class Satisfaction(NamedTuple):
    """What the page of satisfaction shows, of the last four weeks."""

    scores: dict[Group, list[Score]]
    comments: list[Spoken]
    low: list[LowScore]
    """Low scores that ask for a follow-up."""
    low_tickets: int
    """How many there are, listed or not."""


def satisfaction(db: Database, now: datetime, *groups: Group, lines: int = LINES) -> Satisfaction:
    """Read scores, comments and low scores. Raises DatabaseDown."""
    since = now - LOOK_BACK
    with db.session() as session:
        return Satisfaction(
            scores={group: surveys.scores(session, group, since, MOST_GROUPS) for group in groups},
            comments=surveys.comments(session, since, lines),
            low=surveys.low_scores(session, since, lines),
            low_tickets=surveys.count_low(session, since),
        )
