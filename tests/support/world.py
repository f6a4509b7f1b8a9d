"""The world outside of Temporal, for workflow tests: it does what it is told, remembers it, and can be down."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import randrange
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

from activities.incidents import page_for_area
from activities.support.signalling import start_incident
from domain.incident.commands import Declare, TicketUpdate
from domain.incident.events import IncidentEvent
from domain.incident.state import workflow_id as incident_id
from domain.ticket.events import Event
from services.policy_file.load import prolong_calendar, resolve_incident_terms
from tests.support.policy import POLICY
from workflows import ports
from workflows.incident.messages import IncidentStart

EXPECTED = ApplicationErrorCategory.BENIGN
"""Keeps an outage that a test asked for out of the log."""
RETRY_AFTER = timedelta(hours=6)
"""What somebody who is down for long asks for: virtual time pays a second for every attempt."""


class World:
    """What the outside heard, in order; outages are by ticket, so that scenes go on side by side."""

    def __init__(self) -> None:
        self.journal: dict[str, list[Event]] = {}
        self.runs: dict[str, list[str]] = {}
        """Ticket -> the run that told each event of its journal."""
        self.issues: list[ports.CreateIssueRequest] = []
        self.comments: list[ports.CommentIssueRequest] = []
        self.raised: list[ports.RaiseIssueRequest] = []
        self.joins: list[ports.IncidentRequest] = []
        self.pages: list[ports.PageRequest] = []
        self.pages_elsewhere: list[ports.PageRequest] = []
        self.acknowledged: list[ports.EndPagesRequest] = []
        self.ended: list[ports.EndPagesRequest] = []
        self.room: list[ports.RoomRequest] = []
        self.notes: list[ports.IncidentNoteRequest] = []
        self.incident_issues: dict[str, ports.IncidentIssueRequest] = {}
        """Effect key -> what was asked for."""
        self.incidents: dict[str, list[IncidentEvent]] = {}
        """The journal of each incident, by its workflow's id."""
        self.heard: list[TicketUpdate] = []
        """What tickets told their incidents."""
        self.client: Client | None = None
        """With it, tickets and incidents meet: joins reach incidents, and what is told reaches tickets."""
        self.open_incidents: dict[str, int] = {}
        """Area -> the number of its open incident."""
        self.declared: set[str] = set()
        """The workflow ids of all incidents that there ever were."""
        self.told: list[ports.NotifyRequest] = []
        self.closed: list[ports.CloseIncidentRequest] = []
        self.database_down: set[str] = set()
        """Tickets that hear at once, when they ask for an incident, that the database is down."""
        self.down: dict[str, set[str]] = defaultdict(set)
        """Activity -> the tickets (or incidents) for which it fails."""
        self.pause: dict[str, timedelta] = {}
        """Ticket -> the pause that whoever is down asks for; else Temporal's own retries."""
        self.refuses: dict[str, str] = {}
        """Ticket -> why Jira refuses its issue for good."""
        self.refuses_all: dict[str, dict[str, str]] = {}
        """Incident -> activity -> why it is refused for good."""
        self.held: dict[str, asyncio.Event] = {}
        """Ticket -> what its join or issue waits for before it reports back; `journal-<ticket>`, `comment-<ticket>`
        -> the same of its journal and its comments; `incident-<n>` and `close-<n>` of telling its tickets and closing
        its row."""
        self.attempts: Counter[tuple[str, str]] = Counter()
        """(activity, ticket) -> how often it was tried."""
        self.effect_keys: set[str] = set()
        """Every key that an effect was asked for under."""
        self.differences: list[ports.CompareResult] = []
        """What the next comparisons with the journal find, first to last; then nothing differs."""
        self.faults: list[str] = []
        """What must never happen."""

    def activities(self) -> dict[str, list[Callable[..., Any]]]:
        """The activities of each task queue."""
        return {
            ports.TICKETS: [
                self.record_events,
                self.record_incident,
                self.notify_tickets,
                self.notify_incident,
                self.renew_calendar,
            ],
            ports.JOURNAL: [self.close_incident, self.compare_with_journal],
            ports.JOINS: [self.join_incident],
            ports.TRACKER: [
                self.create_issue,
                self.link_issue,
                self.comment_issue,
                self.raise_issue,
                self.make_incident_issue,
                self.note_incident_issue,
                self.read_issues,
                self.sweep_issues,
                self.look_for_twins,
            ],
            ports.PAGER: [self.page_area, self.page, self.acknowledge_pages, self.end_pages],
            ports.CHAT: [self.page_elsewhere, self.post_to_room],
        }

    def issues_of(self, ticket: str) -> list[ports.CreateIssueRequest]:
        return [request for request in self.issues if request.ticket_id == ticket]

    def joins_of(self, ticket: str) -> list[ports.IncidentRequest]:
        return [request for request in self.joins if request.join.ticket == ticket]

    async def _wait(self, subject: str) -> None:
        if held := self.held.get(subject):
            await held.wait()

    def _try(self, port: ports.Port[Any, Any], subject: str) -> None:
        self.attempts[port.name, subject] += 1
        if reason := self.refuses_all.get(subject, {}).get(port.name):
            raise ApplicationError(reason, type=ports.REFUSED, non_retryable=True, category=EXPECTED)
        if subject in self.down[port.name]:
            raise ApplicationError("down", type="Down", next_retry_delay=self.pause.get(subject), category=EXPECTED)

    @activity.defn(name=ports.RECORD_EVENTS.name)
    async def record_events(self, request: ports.JournalRequest) -> ports.Nothing:
        self._try(ports.RECORD_EVENTS, request.ticket_id)
        known = self.journal.setdefault(request.ticket_id, [])
        runs = self.runs.setdefault(request.ticket_id, [])
        for event in request.events:
            place = event.seq - 1
            if place < len(known) and known[place] != event and request.run_id not in runs:
                del known[place:], runs[place:]  # a reset: what the run before it told is superseded
            if place == len(known):
                known.append(event)
                runs.append(request.run_id)
            elif place > len(known):
                self.faults.append(f"{request.ticket_id}: event {event.seq} came before {len(known) + 1}")
            elif known[place] != event:
                self.faults.append(f"{request.ticket_id}: event {event.seq} was told in two ways")
        await self._wait(f"journal-{request.ticket_id}")
        return ports.Nothing()

    @activity.defn(name=ports.CREATE_ISSUE.name)
    async def create_issue(self, request: ports.CreateIssueRequest) -> ports.IssueResult:
        self.effect_keys.add(request.effect_key)
        self._try(ports.CREATE_ISSUE, request.ticket_id)
        if len(self.journal.get(request.ticket_id, [])) < request.seq:
            self.faults.append(f"{request.effect_key}: the escalation is not in the journal")
        if refusal := self.refuses.get(request.ticket_id):
            raise ApplicationError(refusal, type=ports.REFUSED, non_retryable=True, category=EXPECTED)
        keys = [issue.effect_key for issue in self.issues]
        if request.effect_key not in keys:
            keys.append(request.effect_key)
            self.issues.append(request)
        number = keys.index(request.effect_key) + 1
        await self._wait(request.ticket_id)
        return ports.IssueResult(key=f"SUP-{number}", url=f"http://127.0.0.1/browse/SUP-{number}")

    @activity.defn(name=ports.LINK_ISSUE.name)
    async def link_issue(self, request: ports.LinkIssueRequest) -> ports.IssueResult:
        self.effect_keys.add(request.effect_key)
        self._try(ports.LINK_ISSUE, request.ticket_id)
        if len(self.journal.get(request.ticket_id, [])) < request.seq:
            self.faults.append(f"{request.effect_key}: the escalation is not in the journal")
        if refusal := self.refuses.get(request.ticket_id):
            raise ApplicationError(refusal, type=ports.REFUSED, non_retryable=True, category=EXPECTED)
        await self._wait(request.ticket_id)
        return ports.IssueResult(key=request.issue, url=f"http://127.0.0.1/browse/{request.issue}")

    @activity.defn(name=ports.COMMENT_ISSUE.name)
    async def comment_issue(self, request: ports.CommentIssueRequest) -> ports.Nothing:
        self.effect_keys.add(request.effect_key)
        self._try(ports.COMMENT_ISSUE, request.ticket_id)
        if len(self.journal.get(request.ticket_id, [])) < request.seq:
            self.faults.append(f"{request.effect_key}: what was said is not in the journal")
        self.comments.append(request)
        await self._wait(f"comment-{request.ticket_id}")
        return ports.Nothing()

    @activity.defn(name=ports.RAISE_ISSUE.name)
    async def raise_issue(self, request: ports.RaiseIssueRequest) -> ports.Nothing:
        self.effect_keys.add(request.effect_key)
        self._try(ports.RAISE_ISSUE, request.ticket_id)
        self.raised.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.READ_ISSUES.name)
    async def read_issues(self, request: ports.ReadIssuesRequest) -> ports.LookResult:
        self._try(ports.READ_ISSUES, request.issues[0])
        return ports.LookResult(links=len(request.issues), notified=1)

    @activity.defn(name=ports.SWEEP_ISSUES.name)
    async def sweep_issues(self, request: ports.SweepRequest) -> ports.LookResult:
        """Two pages."""
        return ports.LookResult(links=1, notified=0, last=None if request.after else "ticket-a:jira_bug:5")

    @activity.defn(name=ports.LOOK_FOR_TWINS.name)
    async def look_for_twins(self, _request: ports.Nothing) -> ports.TwinsResult:
        return ports.TwinsResult(looked=0, twins=0)

    @activity.defn(name=ports.COMPARE.name)
    async def compare_with_journal(self, _request: ports.Nothing) -> ports.CompareResult:
        return self.differences.pop(0) if self.differences else ports.CompareResult()

    @activity.defn(name=ports.JOIN_INCIDENT.name)
    async def join_incident(self, request: ports.IncidentRequest) -> ports.IncidentResult:
        self._try(ports.JOIN_INCIDENT, request.join.ticket)
        if request.join.ticket in self.database_down:
            raise ApplicationError("the database is down", type=ports.DATABASE_DOWN, category=EXPECTED)
        self.joins.append(request)
        await self._wait(request.join.ticket)
        if self.client is None:
            return ports.IncidentResult(number=None if request.only_if_open else 7)
        place = request.join.effect_key if request.own else request.product_area
        number = self.open_incidents.get(place)
        if number is None and not request.only_if_open:
            number = self.open_incidents[place] = 1 + len(self.open_incidents) + randrange(10**8)
        if number is not None:
            self.declared.add(incident_id(number))
            terms = resolve_incident_terms(POLICY, request.product_area, request.join.since)
            declared = Declare(
                number=number, product_area=request.product_area, priority=request.join.priority, terms=terms
            )
            await start_incident(self.client, IncidentStart(declare=declared), joins=[request.join])
        return ports.IncidentResult(number=number)

    @activity.defn(name=ports.PAGE_AREA.name)
    async def page_area(self, request: ports.IncidentRequest) -> ports.AreaPageResult:
        self._try(ports.PAGE_AREA, request.join.ticket)
        if request.product_area in self.open_incidents:
            return ports.AreaPageResult(key="")
        return ports.AreaPageResult(key=await page_for_area(activity.client(), request.product_area, request.join))

    @activity.defn(name=ports.RECORD_INCIDENT.name)
    async def record_incident(self, request: ports.IncidentJournalRequest) -> ports.Nothing:
        name = incident_id(request.number)
        self.declared.add(name)
        self._try(ports.RECORD_INCIDENT, name)
        known = self.incidents.setdefault(name, [])
        for event in request.events:
            if event.seq == len(known) + 1:
                known.append(event)
            elif event.seq > len(known) or known[event.seq - 1] != event:
                self.faults.append(f"{name}: event {event.seq} was told in two ways, or too early")
        return ports.Nothing()

    @activity.defn(name=ports.PAGE.name)
    async def page(self, request: ports.PageRequest) -> ports.Nothing:
        self._try(ports.PAGE, request.dedup_key)
        await self._wait(f"page-{request.dedup_key}")
        self.pages.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.PAGE_ELSEWHERE.name)
    async def page_elsewhere(self, request: ports.PageRequest) -> ports.Nothing:
        self._try(ports.PAGE_ELSEWHERE, request.dedup_key)
        self.pages_elsewhere.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.ACKNOWLEDGE_PAGES.name)
    async def acknowledge_pages(self, request: ports.EndPagesRequest) -> ports.Nothing:
        self._try(ports.ACKNOWLEDGE_PAGES, request.pages[0].dedup_key)
        self.acknowledged.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.END_PAGES.name)
    async def end_pages(self, request: ports.EndPagesRequest) -> ports.Nothing:
        self._try(ports.END_PAGES, request.pages[0].dedup_key)
        self.ended.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.POST_TO_ROOM.name)
    async def post_to_room(self, request: ports.RoomRequest) -> ports.Nothing:
        self._try(ports.POST_TO_ROOM, incident_id(request.number))
        self.room.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.MAKE_INCIDENT_ISSUE.name)
    async def make_incident_issue(self, request: ports.IncidentIssueRequest) -> ports.IssueResult:
        name = incident_id(request.number)
        self._try(ports.MAKE_INCIDENT_ISSUE, name)
        if len(self.incidents.get(name, [])) < request.seq:
            self.faults.append(f"{request.effect_key}: what it is made of is not in the journal")
        self.incident_issues[request.effect_key] = request
        key = f"INC-{list(self.incident_issues).index(request.effect_key) + 1}"
        return ports.IssueResult(key=key, url=f"http://127.0.0.1/browse/{key}")

    @activity.defn(name=ports.NOTE_INCIDENT_ISSUE.name)
    async def note_incident_issue(self, request: ports.IncidentNoteRequest) -> ports.Nothing:
        self._try(ports.NOTE_INCIDENT_ISSUE, incident_id(request.number))
        self.notes.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.NOTIFY_TICKETS.name)
    async def notify_tickets(self, request: ports.NotifyRequest) -> ports.Nothing:
        self._try(ports.NOTIFY_TICKETS, incident_id(request.fact.number))
        self.told.append(request)
        await self._wait(incident_id(request.fact.number))
        for ticket in request.tickets if self.client else ():
            handle = self.client.get_workflow_handle(f"ticket-{ticket}")
            with suppress(RPCError):  # a closed ticket is normal
                await handle.signal(request.fact.do, request.fact.model_dump(mode="json"))
        return ports.Nothing()

    @activity.defn(name=ports.NOTIFY_INCIDENT.name)
    async def notify_incident(self, news: TicketUpdate) -> ports.Nothing:
        self._try(ports.NOTIFY_INCIDENT, news.ticket)
        self.heard.append(news)
        if self.client:
            with suppress(RPCError):
                handle = self.client.get_workflow_handle(incident_id(news.number))
                await handle.signal(news.do, news.model_dump(mode="json"))
        return ports.Nothing()

    @activity.defn(name=ports.CLOSE_INCIDENT.name)
    async def close_incident(self, request: ports.CloseIncidentRequest) -> ports.Nothing:
        self.closed.append(request)
        await self._wait(f"close-{request.number}")
        for place, number in list(self.open_incidents.items()):
            if number == request.number:
                del self.open_incidents[place]
        return ports.Nothing()

    @activity.defn(name=ports.RENEW_CALENDAR.name)
    async def renew_calendar(self, request: ports.RenewRequest) -> ports.RenewResult:
        return ports.RenewResult(calendar=prolong_calendar(POLICY, request.account, request.at, request.known))
