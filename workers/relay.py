"""The relay: takes notices from the outbox and hands them to whatever carries them, each once.

Run as many as you like. One that is killed between sending and saying so leaves the row to the next, which sends it
again under the same id; the receiver drops the repeat.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from activities.support.ops_alerts import NAME, OpsAlerts
from domain.core.text import one_line
from domain.documents.redaction import redact
from domain.policy.digest import DIGEST
from domain.tracker.reported import SUBJECT_LIMIT
from integrations.calls import Failure
from integrations.chat.port import Message, NoticeSink
from services.retries import BackOff
from store import journal, outbox
from store.database import Database
from store.tables.integrations import OutboxRow
from workers.sending import GIVE_UP_AFTER, IDLE, LONGEST_RETRY, send_until_stopped, utc_now

log = logging.getLogger("tierline.relay")

BACK_OFF = BackOff(timedelta(seconds=1), LONGEST_RETRY)
LEASE = timedelta(seconds=30)
"""How long a notice is with whoever took it: more than a sink's time-outs together."""

SUBJECT = "1.subject"
"""Where the subject of a ticket stands in its texts: in its first event."""

Hold = Callable[[str, datetime], datetime | None]
"""(name of the notice, now) -> until when quiet hours hold it, or None to send it now (F5)."""


def _no_quiet_hours(_name: str, _now: datetime) -> datetime | None:
    return None


Digest = Callable[[str, str, datetime], datetime | None]
"""(name of the notice, audience, now) -> when the digest goes that it is gathered in; None: it is in none (F5)."""
LINES, LINE_LIMIT = 30, 200
"""How many notices a digest lists, and the characters of each beside its link."""


def _no_digest(_name: str, _audience: str, _now: datetime) -> datetime | None:
    return None


Link = Callable[[str | None, int | None], str]
"""(id of the ticket, number of the incident) -> where a person finds it; "" where no address is set."""


def _no_link(_ticket: str | None, _incident: int | None) -> str:
    return ""


SurveyLink = Callable[[str, datetime], str]
"""(id of the ticket, when it was closed) -> the address of its survey; "" where none is set up (F7)."""
SURVEYS = ("survey", "survey_reminder")
"""The notices that bring the customer to the survey."""


def no_survey(_ticket: str, _closed: datetime) -> str:
    """Lead nowhere: no survey is set up."""
    return ""


ChannelsOf = Callable[[str, str], Sequence[str]]
"""(name of the notice, audience) -> the channels that the policy names, one at least (F5)."""


def _by_webhook(_name: str, _audience: str) -> Sequence[str]:
    return ("webhook",)


def _subject(session: Session, ticket: str | None) -> str:
    """Return what a ticket is about, as it leaves Tierline. It is read now, so that erasing a person reaches it."""
    if ticket is None:
        return ""
    subject = journal.texts(session, ticket, [SUBJECT]).get(SUBJECT, "")
    return one_line(redact(subject).text, SUBJECT_LIMIT)


class Relay:
    """Sends what the outbox holds until it is told to stop."""

    def __init__(
        self,
        database: Database,
        sink: NoticeSink,
        *,
        ops: OpsAlerts | None = None,
        hold: Hold = _no_quiet_hours,
        digest: Digest = _no_digest,
        link: Link = _no_link,
        survey: SurveyLink = no_survey,
        channels: ChannelsOf = _by_webhook,
        lease: timedelta = LEASE,
        idle: float = IDLE,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`ops` are alerted to what is given up. `link` finds the page of what a notice belongs to, `survey` that of a
        ticket's survey; `channels` are what a notice goes through. `lease` must be longer than the time-outs of `sink`
        together.
        """
        self._database = database
        self._sink = sink
        self._ops = ops
        self._hold = hold
        self._digest = digest
        self._link = link
        self._survey = survey
        self._channels = channels
        self._lease = lease
        self._idle = idle
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set. An outage of the database, or of the receiver, is waited out."""
        send_until_stopped(self.send_one, stop, self._idle, log, "notices")

    def send_one(self) -> bool:
        """Send the next notice that is due. False if none is. Raises DatabaseDown.

        One at a time, so that a receiver that hangs holds up no more than what it was given.
        """
        with self._database.begin() as session:
            rows = outbox.QUEUE.claim(session, self._now(), self._lease, 1)
            for one in rows:
                outbox.split_by_channel(session, one, self._channels(one.name, one.audience))
            subject = _subject(session, rows[0].ticket_id) if rows else ""
            listed = outbox.gathered(session, rows[0].key) if rows and rows[0].name == DIGEST else ()
        if not rows:
            return False
        (row,) = rows
        if self._waits(row):
            return True
        error = self._send(row, subject, listed)
        with self._database.begin() as session:
            if error is None:
                outbox.QUEUE.done(session, row.id, self._now())
            else:
                self._mark_failed(session, row, error)
            if row.name == DIGEST:
                outbox.settle_digest(session, row.key)
        return True

    def _waits(self, row: OutboxRow) -> bool:
        """Hold a notice that waits for its digest, or for the end of the quiet hours, or write the digest that is due.

        Returns whether there is nothing to send by itself now.
        """
        if row.digest is not None:
            with self._database.begin() as session:
                if outbox.gather(session, row, self._now()):
                    return True
        at = self._digest(row.name, row.audience, self._now())
        until = at or self._hold(row.name, self._now())
        if until is None:
            return False
        digest = outbox.digest_key(row, at) if at else None
        with self._database.begin() as session:
            outbox.QUEUE.postpone(session, row, until, None, tried=False, digest=digest)
        return True

    def _send(self, row: OutboxRow, subject: str, listed: Sequence[OutboxRow]) -> str | None:
        """Hand it over. `listed` are the notices of a digest. Returns what went wrong, or None."""
        title = f"Digest of {len(listed)} notice{'s' if len(listed) > 1 else ''}" if listed else row.title
        text = "\n".join(self._lines(listed)) if listed else title
        try:
            message = Message(
                id=row.key,
                kind=row.name,
                audience=row.audience,
                channel=row.channel,
                recipient=row.recipient or row.audience,
                title=title,
                text=f"{text} (ticket {row.ticket_id})" if row.ticket_id else text,
                ticket=row.ticket_id,
                incident=row.incident_number,
                priority=row.priority,
                deadline=row.deadline,
                subject=subject,
                link=self._link_of(row),
                at=row.at,
            )
            self._sink.send(message)
        except Failure as failure:
            return str(failure)
        except Exception as error:  # a row that cannot be sent must not stop those behind it
            log.exception("notice %s cannot be sent", row.key)
            return f"{type(error).__name__}: {error}"
        return None

    def _lines(self, listed: Sequence[OutboxRow]) -> Iterator[str]:
        """Yield the lines of a digest: one for each notice with its link, and how many more there are."""
        for one in listed[:LINES]:
            of = f" (ticket {one.ticket_id})" if one.ticket_id else ""
            about = one_line(f"{one.priority or ''} {one.title}", LINE_LIMIT)
            yield f"- {about}{of} {self._link_of(one)}".rstrip()
        if len(listed) > LINES:
            yield f"and {len(listed) - LINES} more"

    def _link_of(self, row: OutboxRow) -> str:
        """Return where the notice leads: one of ours to our pages, a customer only to their survey."""
        if row.audience != "customer":
            return self._link(row.ticket_id, row.incident_number)
        return self._survey(row.ticket_id, row.at) if row.ticket_id and row.name in SURVEYS else ""

    def _mark_failed(self, session: Session, row: OutboxRow, error: str) -> None:
        """Note when it is tried again; or give it up, and alert ops."""
        if BACK_OFF.tried_for(row.attempts) <= GIVE_UP_AFTER:
            outbox.QUEUE.postpone(session, row, self._now() + BACK_OFF.pause(row.attempts), error)
            return
        outbox.QUEUE.fail(session, row, error)
        message = f"the notice {row.name} to {row.audience} is given up after {row.attempts} tries: {error}"
        log.error("%s (%s)", message, row.key)
        if self._ops and row.name != NAME:  # what ops do not hear, is not told to ops
            self._ops.alert(session, f"notice:{row.id}", message)
