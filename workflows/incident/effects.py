"""The effects of an incident: pages, updates of its tickets, messages to its room, issues in Jira; and its journal."""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.core.enums import Role
    from domain.documents.markdown import inert
    from domain.incident import commands as c
    from domain.incident.aggregate import page_severity
    from domain.incident.events import IncidentEvent
    from domain.incident.phrases import headline
    from domain.incident.state import Effect, Incident
    from domain.incident.ticket_updates import UpdateBatch, catch_up_batch, next_batch
    from workflows.effect_runner import EffectRunner, Host, Lane

from workflows import ports

ROOM, ISSUE = Lane("room", 1), Lane("issue", 1)
LANES = {"room": ROOM, "issue": ISSUE, "issue_note": ISSUE, "review_issue": ISSUE, "action_issue": ISSUE}
"""What is written to a room, or on an issue, has an order: one after the other."""
PAGES = ("page", "page_elsewhere")


class IncidentEffectRunner(EffectRunner[Effect]):
    """Activities under way for one incident. None waits for another that could fail: a page waits for nothing."""

    failed = c.ReportFailed
    lanes = LANES

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._updating = False
        """Whether an update of its tickets is under way."""

    def quiescent(self) -> bool:
        return super().quiescent() and not self._updating

    def finished(self) -> bool:
        """Return whether nothing is under way, all is journalled, every ticket is notified, and nothing failed."""
        incident = self._host.state
        return super().finished() and not incident.pending_effects and next_batch(incident) is None

    def start(self) -> None:
        """Begin what is pending and may begin, and call off pages that nobody needs any more."""
        pending = {effect.key for effect in self._host.state.pending_effects}
        for key, (effect, task) in self._under_way.items():
            if effect.kind in PAGES and key not in pending:
                task.cancel()
        super().start()
        if not self._updating and (batch := next_batch(self._host.state)):
            self._updating = True
            self._host.watch(asyncio.create_task(self._update_tickets(batch)))

    def _paging(self) -> bool:
        return any(effect.kind in PAGES for effect, _ in self._under_way.values())

    def _ready(self, effect: Effect) -> bool:
        match effect.kind:
            case "acknowledge_pages" | "end_pages":  # a page that is still on its way would outlive it
                return not self._paging()
            case "issue" | "review_issue" | "action_issue":  # written from the journal
                return self.journal.has(effect.seq)
            case "issue_note":
                return self._host.state.issue_key is not None
            case _:
                return True

    async def _record(self, batch: tuple[IncidentEvent, ...], summary: str) -> None:
        run = workflow.info().run_id
        request = ports.IncidentJournalRequest(number=self._host.state.number, run_id=run, events=batch)
        await ports.RECORD_INCIDENT(request, summary)

    async def _update_tickets(self, batch: UpdateBatch) -> None:
        """Send one batch of updates. The next is begun when it is done, so that no ticket gets them out of order.

        A ticket that cannot be reached (somebody ended its workflow from outside) does not keep the others from what
        comes next: after a few tries, that it catches up is an effect of its own.
        """
        fact = c.ReportNotified(
            by="tierline", role=Role.SYSTEM, tickets=batch.tickets, version=batch.version, left=batch.left
        )
        request = ports.NotifyRequest(fact=batch.fact, tickets=batch.tickets)
        try:
            await ports.NOTIFY_TICKETS(request, batch.summary)
        except ActivityError as error:
            fact = fact.model_copy(update={"missed": _missed(error, batch.tickets)})
        self._updating = False
        self._host.apply(fact)
        self._host.force_command()

    async def _outcome(self, effect: Effect) -> c.Command:
        incident = self._host.state
        number, drill = incident.number, incident.drill
        issue: ports.IssueResult | None = None
        match effect.kind:
            case "page":
                request = self._page(effect)
                # The pager may be down, or slow: then somebody else is asked, and not in an hour.
                await ports.PAGE(request, f"Page {inert(request.audience)}", incident.terms.second_channel)
            case "page_elsewhere":
                request = self._page(effect)
                await ports.PAGE_ELSEWHERE(request, f"Page {inert(request.audience)} through the second channel")
            case "acknowledge_pages":
                await ports.ACKNOWLEDGE_PAGES(_pages(incident), "Tell the pager that somebody has it")
            case "end_pages":
                await ports.END_PAGES(_pages(incident), f"End {len(incident.pages)} pages")
            case "close":
                closing = ports.CloseIncidentRequest(number=number, at=effect.since)
                await ports.CLOSE_INCIDENT(closing, "Let the next problem open a new incident")
            case "catch_up":
                if batch := catch_up_batch(incident, effect.tickets):
                    late = ports.NotifyRequest(fact=batch.fact, tickets=batch.tickets)
                    await ports.NOTIFY_LATE(late, f"{batch.summary}, which could not be told before")
            case "room":
                post = ports.RoomRequest(
                    number=number, seq=effect.seq, text=effect.text, everyone=effect.everyone, drill=drill
                )
                await ports.POST_TO_ROOM(post, "Tell the room")
            case "issue_note":
                note = ports.IncidentNoteRequest(
                    number=number,
                    effect_key=effect.key,
                    key=incident.issue_key or "",
                    seq=effect.seq,
                    text=effect.text,
                    links=effect.links,
                    done=effect.last,
                    drill=drill,
                )
                await ports.NOTE_INCIDENT_ISSUE(note, f"Note it on {note.key}")
            case "issue":
                issue = await self._issue(effect, "incident", _bugs(incident), "Make the incident's issue")
            case "review_issue":
                issue = await self._issue(effect, "review", _keys(incident.issue_key), "Make the issue of the review")
            case "action_issue":
                links = _keys(incident.review_key or incident.issue_key)
                issue = await self._issue(effect, "action", links, "Make the issue of an action item")
        found = {"jira_key": issue.key, "jira_url": issue.url} if issue else {}
        return self._report(c.ReportDone, effect, **found)

    async def _issue(self, effect: Effect, kind: Any, links: tuple[str, ...], summary: str) -> ports.IssueResult:
        incident = self._host.state
        request = ports.IncidentIssueRequest(
            number=incident.number,
            effect_key=effect.key,
            kind=kind,
            seq=effect.seq,
            links=links,
            drill=incident.drill,
        )
        return await ports.MAKE_INCIDENT_ISSUE(request, summary)

    def _page(self, effect: Effect) -> ports.PageRequest:
        incident = self._host.state
        page = next(page for page in incident.pages if page.key == effect.page)
        return ports.PageRequest(
            dedup_key=page.dedup_key,
            level=page.level,
            round=page.round,
            audience=page.audience,
            summary=headline(incident.number, incident.priority, incident.product_area, drill=incident.drill),
            severity=page_severity(incident.priority),
            tickets=tuple(joined.ticket for joined in incident.tickets[:20]),
            drill=incident.drill,
        )


def _missed(error: ActivityError, tickets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tickets that were not notified: all, where the last attempt was lost. A second notification does no
    harm."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == ports.NOT_NOTIFIED and cause.details:
        return tuple(ticket for ticket in tickets if ticket in set(cause.details[0]))
    return tickets


def _pages(incident: Incident) -> ports.EndPagesRequest:
    """Return all pages that may have been sent."""
    pages = (ports.Page(dedup_key=page.dedup_key, level=page.level, round=page.round) for page in incident.pages)
    return ports.EndPagesRequest(pages=tuple(pages), drill=incident.drill)


def _keys(*keys: str | None) -> tuple[str, ...]:
    return tuple(key for key in keys if key)


def _bugs(incident: Incident) -> tuple[str, ...]:
    """Return the bugs that engineering has of its tickets already."""
    return tuple(dict.fromkeys(_keys(*(joined.issue_key for joined in incident.tickets))))[:50]
