"""F4: a ticket whose problem engineering has already: it is linked to that issue, and counted there."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from temporalio import activity

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.journal_gaps import JournalGaps
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.comment_writer import CommentWriter
from domain.core.values import Frozen
from domain.documents.document import Document, is_web_address, link, paragraph
from domain.policy.tracker import TrackerRow
from domain.ticket.rules.gates import arr_of
from domain.ticket.state import Ticket, workflow_id
from domain.tracker.fingerprint import fingerprint
from integrations.calls import Failure, Rejected, Unknown, is_refusal
from integrations.tracker.port import Issue, TrackerPort
from store import journal, tracker_links
from store.database import Database
from workflows import ports

PROPERTY = "support.seen"
"""The issue property that holds how many tickets and accounts have the problem."""
MOST_SUMMED = 500
"""Tickets whose revenue is looked up; nobody needs a longer sum."""


class Occurrences(Frozen):
    """How often support has seen the problem of an issue."""

    tickets: int
    accounts: int
    arr: str
    """The accounts' revenue together, in the form that the policy allows."""

    def words(self) -> str:
        tickets = "1 ticket" if self.tickets == 1 else f"{self.tickets} tickets"
        accounts = "1 account" if self.accounts == 1 else f"{self.accounts} accounts"
        return f"{tickets} of {accounts}, ARR together {self.arr}"


class IssueLinking:
    """Blocking calls in threads. Each step may be repeated: Temporal repeats all of them after a failure."""

    def __init__(
        self,
        db: Database,
        jira: TrackerPort,
        rules: TrackerRow,
        ticket_url: Callable[[str], str],
        circuit: CircuitBreaker,
        gaps: JournalGaps,
        ops: OpsAlerts,
    ) -> None:
        self._db = db
        self._jira = jira
        self._comments = CommentWriter(db, jira)
        self._rules = rules
        self._ticket_url = ticket_url
        self._circuit = circuit
        self._gaps = gaps
        self._ops = ops

    @activity.defn(name=ports.LINK_ISSUE.name, no_thread_cancel_exception=True)
    def link_issue(self, request: ports.LinkIssueRequest) -> ports.IssueResult:
        """Link the ticket both ways, count it, and say once on the issue that it was seen again.

        Refused where the issue is not there, is done, or is none of ours: then a person chooses another. What Jira
        refuses after that is left out, and ops are told.
        """
        ticket, label = self._gaps.read_when_there(lambda: self._ticket(request), request.seq)
        with self._circuit("link issues"):
            issue = self._usable(request.issue)
            with self._db.begin() as session:
                tracker_links.attach(
                    session,
                    request.effect_key,
                    issue,
                    owner=workflow_id(ticket.id),
                    seq=request.seq,
                    fingerprint=label,
                    now=datetime.now(UTC),
                )
            url = self._ticket_url(ticket.id)
            if is_web_address(url):
                back = (issue.key, f"tierline:{workflow_id(ticket.id)}", url, f"Ticket {ticket.id}")
                self._if_allowed(lambda: self._jira.link_back(*back), "link issues back to their tickets")
            counted = self._count(issue.key, issue.id)
            words = _again(ticket, counted, url)
            comment = partial(self._comments.write, issue.key, f"{request.effect_key}:seen", words)
            self._if_allowed(comment, "say on issues that they were seen again")
        return ports.IssueResult(key=issue.key, url=issue.url)

    def _ticket(self, request: ports.LinkIssueRequest) -> tuple[Ticket, str | None] | None:
        """Return the ticket, and the label of its problem; None: the journal is not so far."""
        with self._db.session() as session:
            ticket = journal.load(session, request.ticket_id)
            texts = journal.texts(session, request.ticket_id)
        if ticket is None or ticket.seq < request.seq:
            return None
        return ticket, fingerprint(ticket, texts) or None

    def _usable(self, key: str) -> Issue:
        """Return the issue, if a ticket may be linked to it: it is there, open, and in a project of ours."""
        states = self._jira.read([key])
        if key not in states:
            raise Unknown(f"Jira could not give {key} just now")
        state = states[key]
        if state is None:
            raise Rejected(f"there is no issue {key}, or our account may not see it", 404, {"issue": "choose another"})
        if not self._jira.may_link(state.key):
            raise Rejected(f"{state.key} is in another project", 403, {"issue": "add it to also_link in [jira]"})
        if state.category == "done":
            raise Rejected(f"{state.key} is {state.status}", 409, {"issue": "choose an open one"})
        return state

    def _count(self, key: str, number: str) -> Occurrences:
        """Keep on the issue how often its problem was seen.

        Two tickets may be linked at once, and the older count arrive last: so it is counted again after it was
        written, and whoever finds that it changed writes it again.
        """
        counted = self._occurrences(number)
        while True:
            value: dict[str, Any] = counted.model_dump() | {"schema": 1}
            self._if_allowed(partial(self._jira.set_property, key, PROPERTY, value), "count linked tickets on issues")
            if (now := self._occurrences(number)) == counted:
                return counted
            counted = now

    def _if_allowed(self, step: Callable[[], object], without: str) -> None:
        """Do a step that a link can do without. Where Jira refuses it, or our account lacks the permission for it, ops
        are alerted, once a day, and the rest goes on."""
        try:
            step()
        except Failure as refusal:
            if not is_refusal(refusal):
                raise
            message = f"Tierline's account may not {without} ({refusal}): this is left out. Run `tierline jira check`"
            with self._db.begin() as session:
                self._ops.alert(session, f"forbidden:{without.replace(' ', '_')}:{datetime.now(UTC):%Y%m%d}", message)

    def _occurrences(self, number: str) -> Occurrences:
        with self._db.session() as session:
            owners = tracker_links.owners(session, number)
            ids = [owner.removeprefix(_TICKET) for owner in owners if owner.startswith(_TICKET)]
            tickets = [ticket for name in ids[:MOST_SUMMED] if (ticket := journal.load(session, name))]
        revenue: dict[str, Decimal | None] = {}
        for ticket in tickets:
            known, arr_here = revenue.get(ticket.account.id), arr_of(ticket)
            revenue[ticket.account.id] = max((arr for arr in (known, arr_here) if arr is not None), default=None)
        amounts = [arr for arr in revenue.values() if arr is not None]
        return Occurrences(
            tickets=len(ids),
            accounts=len(revenue),
            arr=self._rules.revenue(sum(amounts, Decimal(0)) if amounts else None),
        )


def _again(ticket: Ticket, occurrences: Occurrences, url: str) -> Document:
    """Return ids, never who they are."""
    who = f": {ticket.priority}, plan {ticket.account.plan}. Support has seen it in {occurrences.words()}."
    return Document(blocks=(paragraph("Seen again in ticket ", link(ticket.id, url), who),))


_TICKET = workflow_id("")
