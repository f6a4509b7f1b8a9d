"""What goes to Zendesk: public replies, internal notes, and how the ticket stands, as fields.

A comment that leaves twice is seen by the customer, and Zendesk has no key that would prevent it. So every change
carries a marker in its history; where an earlier try may have arrived, the history is read first, and the change is
written only if nothing has changed the ticket since it was read: an abandoned try that arrives late makes it fail.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from domain.base import Frozen
from domain.events import Event, Noted, Referred, Resolved, Responded, WaitStarted
from domain.standing import sla_deadline
from domain.ticket import Ticket
from domain.words import Status
from frontdoor.outgoing import Hopeless, Told, read
from frontdoor.zendesk_hook import SYSTEM
from integrations.calls import Failure, Rejected
from integrations.helpdesk.zendesk.port import Change, Comment, HelpdeskPort
from store import helpdesk_links, reading
from store.database import Database
from store.feed import Destination
from store.helpdesk_links import Link
from store.models_outside import FeedRow

CONFLICT = 409
SETTLED = timedelta(seconds=5)
"""How long a ticket must have been left alone before something is sent again: Zendesk tells changes apart by whole
seconds, so that one in the same second as the last would be no conflict. And our clocks may differ a little."""
STATUS = {Status.OPEN: "open", Status.PENDING: "pending", Status.RESOLVED: "solved"}
"""A new ticket is as it came; a closed one, Zendesk closes by itself."""


def _now() -> datetime:
    return datetime.now(UTC)


class Writing(Frozen):
    """Which custom fields of Zendesk show what. By their numbers there; what is None is not shown."""

    status: bool = True
    """Zendesk's own status follows ours."""
    ticket: int | None = None
    tier: int | None = None
    priority: int | None = None
    team: int | None = None
    sla_deadline: int | None = None


class ZendeskOut:
    """Implements `Sink`."""

    destination = Destination(name=SYSTEM, source=SYSTEM)

    def __init__(
        self,
        db: Database,
        port: HelpdeskPort,
        writing: Writing = Writing(),  # noqa: B008  # immutable
        *,
        look_first: bool = True,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`look_first=False` takes the protection off, for the test that shows what it is for."""
        self._db = db
        self._port = port
        self._writing = writing
        self._look_first = look_first
        self._now = now

    def send(self, row: FeedRow) -> None:
        told = read(self._db, row)
        link = self._link(told.now) if told else None
        if told is None or link is None:
            return
        fields = _fields(self._writing, told.now)
        comment = _comment(told.event)
        if comment is None and fields == {name: link.fields.get(name) for name in fields}:
            return
        change = _change(comment, fields, marker_of(told))
        try:
            self._write(int(link.external_id), change, tried=row.attempts > 1 or row.epoch > 1)
        except Rejected as error:
            if error.status == CONFLICT:
                raise Failure(str(error)) from None  # somebody was faster: look again, and soon
            raise Hopeless(str(error)) from None
        with self._db.begin() as session:
            helpdesk_links.note_fields(session, link, link.fields | fields)

    def _write(self, number: int, change: Change, *, tried: bool) -> None:
        """Write a change once. Fields alone may be written again: that changes nothing."""
        if change.comment and tried and self._look_first:
            since = self._port.ticket(number).updated_at  # before the history: what comes in between is a conflict
            if self._now() - since < SETTLED:
                raise Failure("Zendesk: the ticket has changed just now", retry_after=SETTLED.total_seconds())
            if any(audit.marker == change.marker for audit in self._port.audits(number)):
                return
            change = change.model_copy(update={"unless_changed_since": since})
        self._port.change(number, change)

    def _link(self, ticket: Ticket) -> Link | None:
        """The ticket there that ours speaks for, as the hook has noted it: nobody else's word is taken for that.

        Raises Failure, so that it is tried again, where the hook has opened the ticket and not noted the link yet.
        """
        with self._db.session() as session:
            if link := helpdesk_links.of_ticket(session, SYSTEM, ticket.id):
                return link
            if ticket.source != SYSTEM or helpdesk_links.find(session, SYSTEM, ticket.external_id):
                return None  # another one speaks for it by now (C10)
            opened = (reading.opened_by(session, ticket.id) or "").startswith(f"{SYSTEM}:")
        if opened:
            raise Failure("Zendesk: the link to its ticket is not noted yet")
        return None


def marker_of(told: Told) -> str:
    """The same for the same word: a command that is carried out again after a workflow reset keeps its id."""
    event = told.event
    return f"{told.now.id}:{_printable(event.command_id) or event.seq}:{event.body.type}"[:255]


def _printable(command_id: str | None) -> str:
    return "".join(char for char in command_id or "" if "!" <= char <= "~")[:150]


def _comment(event: Event) -> Comment | None:
    """What an event says there; None for what says nothing, and for what came from there."""
    texts = event.texts
    if (event.command_id or "").startswith(f"{SYSTEM}:"):
        return None
    match event.body:
        case Responded():
            words, public = texts.get("text"), True
        case WaitStarted():
            words, public = texts.get("question"), True
        case Resolved():
            words, public = texts.get("message") or texts.get("customer_reason"), True
        case Referred():
            words, public = "\n\n".join(filter(None, [texts.get("text"), texts.get("link")])), True
        case Noted():
            words, public = texts.get("text"), False
        case _:
            return None
    return Comment(public=public, text=words) if words else None


def _fields(writing: Writing, ticket: Ticket) -> dict[str, str]:
    """How the ticket stands, by the names of `Writing` that are shown."""
    deadline = sla_deadline(ticket)
    values = {
        "ticket": ticket.id,
        "tier": ticket.tier.value,
        "priority": ticket.priority.value,
        "team": ticket.route.team if ticket.route else "",
        "sla_deadline": f"{deadline:%Y-%m-%dT%H:%M:%SZ}" if deadline else "",
    }
    shown = {f"field:{getattr(writing, name)}": value for name, value in values.items() if getattr(writing, name)}
    status = STATUS.get(ticket.status) if writing.status else None
    return shown | ({"status": status} if status else {})


def _change(comment: Comment | None, fields: dict[str, str], marker: str) -> Change:
    custom = {int(name.removeprefix("field:")): value for name, value in fields.items() if name.startswith("field:")}
    return Change(marker=marker, comment=comment, status=fields.get("status"), fields=custom)
