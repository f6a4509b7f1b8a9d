"""What goes to Zendesk: public replies, internal notes, and how the ticket stands, as fields.

Each of the three goes by itself, the comment first: Zendesk refuses a change as a whole, and a field that it wants to
be filled in before a ticket is solved must not keep an answer from the customer. Then our fields, since one of them may
be what it wants; the status last.

A comment that leaves twice is seen by the customer, and Zendesk has no key that would prevent it. So every change
carries a marker in its history; where an earlier try may have arrived, the history is read first, and the change is
written only if nothing has changed the ticket since it was read: an abandoned try that arrives late makes it fail.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from activities.support.ops_alerts import OpsAlerts
from domain.aggregate.effect import Notice
from domain.core.enums import Status
from domain.core.values import Frozen
from domain.policy.policy import Notice as Row
from domain.ticket.derived import sla_deadline
from domain.ticket.events import Event, Noted, Referred, Resolved, Responded, WaitStarted
from domain.ticket.state import Ticket
from integrations.calls import Failure, Rejected
from integrations.helpdesk.zendesk.port import Change, Comment, HelpdeskPort
from services.webhooks.subscribers import Hopeless, News, read
from services.webhooks.zendesk_meanings import SYSTEM
from store import helpdesk_links, journal, outbox
from store.database import Database
from store.helpdesk_links import Link
from store.tables.integrations import WebhookRow
from store.webhook_outbox import Destination

log = logging.getLogger("tierline.zendesk_out")

FAILING = Row.INTEGRATION_FAILING.value
"""The row of the notices of the policy."""
CONFLICT = 409
SETTLED = timedelta(seconds=5)
"""How long a ticket must have been left alone before something is sent again: Zendesk's stamps of changes have whole
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
        ops: OpsAlerts | None = None,
        look_first: bool = True,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`ops` are alerted to what Zendesk refuses. `look_first=False` takes the protection off, for the test that
        shows what it is for."""
        self._db = db
        self._port = port
        self._writing = writing
        self._ops = ops
        self._look_first = look_first
        self._now = now

    def send(self, row: WebhookRow) -> None:
        news = read(self._db, row)
        link = self._link(news.now) if news else None
        if news is None or link is None:
            return
        number, marker, comment = int(link.external_id), marker_of(news), _comment(news.event)
        refused: str | None = None
        if comment:
            change = Change(marker=marker, comment=comment)
            refused = self._refusal(number, change, tried=row.attempts > 1 or row.epoch > 1)
            if refused:
                self._alert(news.now, f"comment:{news.event.seq}", f"a comment of event {news.event.seq}", refused)
        for name, change in _changes(_fields(self._writing, news.now), link.fields, marker):
            link = self._show(news.now, link, name, change)
        if refused:
            raise Hopeless(refused)

    def _show(self, ticket: Ticket, link: Link, name: str, change: Change) -> Link:
        """Write how the ticket stands, in our fields or as status. Returns the link with what Zendesk shows now."""
        if change.status:
            there = self._port.ticket(int(link.external_id))
            known = link.fields.get("status")
            if there.status != change.status and there.status != (known or there.status):
                log.info("ticket %s: its status in Zendesk is newer than what was heard, and stays", ticket.id)
                return link
            change = change.model_copy(update={"unless_changed_since": there.updated_at})
        if refused := self._refusal(int(link.external_id), change):
            digest = change.status or hashlib.sha256(repr(sorted(change.fields.items())).encode()).hexdigest()[:12]
            what = f"the status {change.status}" if change.status else "our fields"
            self._alert(ticket, f"{name}:{digest}", what, refused)
            return link
        fields = link.fields | _custom_fields(change)
        with self._db.begin() as session:
            helpdesk_links.note_fields(session, link, fields)
        return link.model_copy(update={"fields": fields})

    def _refusal(self, number: int, change: Change, *, tried: bool = False) -> str | None:
        """Write a change. Returns why Zendesk refuses it for good, or None."""
        try:
            self._write(number, change, tried=tried)
        except Rejected as error:
            if error.status == CONFLICT:
                raise Failure(str(error)) from None  # somebody was faster: look again, and soon
            return str(error)
        return None

    def _alert(self, ticket: Ticket, what: str, change: str, why: str) -> None:
        """Notify ops, and whoever holds the ticket, of what Zendesk refuses: each of it once for a ticket."""
        log.error("Zendesk refuses %s of ticket %s: %s", change, ticket.id, why)
        message, key = f"Zendesk does not take {change} of ticket {ticket.id}: {why}", f"zendesk:{ticket.id}:{what}"
        with self._db.begin() as session:
            if self._ops:
                self._ops.alert(session, key, message)
            if ticket.assignee:
                notice = Notice(
                    key=f"{FAILING}:{key}:assignee",
                    name=FAILING,
                    ticket=ticket.id,
                    audience="assignee",
                    recipient=ticket.assignee,
                    title=message[:255],
                    at=self._now(),
                )
                outbox.put_or_renew(session, notice)

    def _write(self, number: int, change: Change, *, tried: bool) -> None:
        """Write a change once. Fields and status may be written again: that changes nothing."""
        if change.comment and tried and self._look_first:
            asked = self._now()
            since = self._port.ticket(number).updated_at  # before the history: what comes in between is a conflict
            if any(audit.marker == change.marker for audit in self._port.history(number).audits):
                return
            if asked - since < SETTLED:
                raise Failure("Zendesk: the ticket has changed just now", retry_after=SETTLED.total_seconds())
            change = change.model_copy(update={"unless_changed_since": since})
        self._port.change(number, change)

    def _link(self, ticket: Ticket) -> Link | None:
        """Return the ticket there that ours speaks for, as the hook has noted it: nobody else's word is taken for that.

        Raises Failure, so that it is tried again, where the hook has opened the ticket and not noted the link yet.
        """
        with self._db.session() as session:
            if link := helpdesk_links.of_ticket(session, SYSTEM, ticket.id):
                return link
            if ticket.source != SYSTEM or helpdesk_links.find(session, SYSTEM, ticket.external_id):
                return None  # another one speaks for it by now (C10)
            opened = (journal.opened_by(session, ticket.id) or "").startswith(f"{SYSTEM}:")
        if opened:
            raise Failure("Zendesk: the link to its ticket is not noted yet")
        return None


def marker_of(news: News) -> str:
    """Return the same for the same word: a command that is carried out again after a workflow reset keeps its id."""
    event = news.event
    return f"{news.now.id}:{_printable(event.command_id) or event.seq}:{event.body.type}"[:255]


def _printable(command_id: str | None) -> str:
    return "".join(char for char in command_id or "" if "!" <= char <= "~")[:150]


def _comment(event: Event) -> Comment | None:
    """Return what an event says there; None for what says nothing, and for what came from there."""
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
        case Noted(public=seen):
            words, public = texts.get("text"), seen
        case _:
            return None
    return Comment(public=public, text=words) if words else None


def _fields(writing: Writing, ticket: Ticket) -> dict[str, str]:
    """Return how the ticket stands, by the names of `Writing` that are shown."""
    deadline = sla_deadline(ticket)
    values = {
        "ticket": ticket.id,
        "tier": ticket.tier.value,
        "priority": ticket.priority.value,
        "team": ticket.route.team if ticket.route else "",
        "sla_deadline": f"{deadline:%Y-%m-%dT%H:%M:%SZ}" if deadline else "",
    }
    written = {f"field:{getattr(writing, name)}": value for name, value in values.items() if getattr(writing, name)}
    status = STATUS.get(ticket.status) if writing.status else None
    return written | ({"status": status} if status else {})


def _changes(fields: dict[str, str], there: Mapping[str, str], marker: str) -> Iterator[tuple[str, Change]]:
    """Yield what must be written so that Zendesk shows `fields`, where it shows what is `there`.

    Their markers are not the comment's, by which it is found again.
    """
    new = {name: value for name, value in fields.items() if there.get(name) != value}
    status = new.pop("status", None)
    if custom := {int(name.removeprefix("field:")): value for name, value in new.items()}:
        yield "fields", Change(marker=f"{marker[:240]}:fields", fields=custom)
    if status:
        yield "status", Change(marker=f"{marker[:240]}:status", status=status)


def _custom_fields(change: Change) -> dict[str, str]:
    """Return what Zendesk shows after a change, by the names of `_fields`."""
    fields = {f"field:{number}": value for number, value in change.fields.items()}
    return fields | ({"status": change.status} if change.status else {})
