"""Waking people: the ladder of pages, until somebody acknowledges."""

from collections.abc import Iterator
from typing import Annotated, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.deadline import Deadline
from domain.aggregate.effect import effect_key
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, Rule
from domain.core.values import Frozen, Instant, stored_as
from domain.documents.markdown import inert
from domain.incident.deadline_kinds import Kind
from domain.incident.rules.basics import counted_from, effect_of
from domain.incident.state import (
    Effect,
    Incident,
    Page,
    workflow_id,
)


class Paged(Frozen):
    """A step of the ladder is paged: nobody had acknowledged by `due`."""

    type: Literal["paged"] = "paged"
    due: Instant
    step: Annotated[int, stored_as("rung")]
    """Which step of the ladder it is, from 1."""
    level: int
    round: int
    audience: str


class Unanswered(Frozen):
    """The whole ladder was paged, and nobody acknowledged."""

    type: Literal["unanswered"] = "unanswered"
    due: Instant


class LadderRestarted(Frozen):
    """A person has everybody paged once more, from the first step on."""

    type: Literal["ladder_restarted"] = "ladder_restarted"


class PageAdopted(Frozen):
    """Somebody was paged already, by a ticket that could not find or open an incident: that was the first step."""

    type: Literal["page_adopted"] = "page_adopted"
    dedup_key: str
    first: bool
    """It stands for the first step of the ladder, which was not paged yet."""


def _deadlines(incident: Incident) -> Iterator[Deadline]:
    if incident.next_page:
        steps = incident.terms.ladder[incident.steps_paged : incident.steps_paged + 1]
        summary = f"Page {inert(steps[0].audience)}, unless somebody acknowledges" if steps else "Say that nobody came"
        yield Deadline(incident.next_page, Kind.PAGE, summary)


def _page(recording: Recording[Incident], _deadline: Deadline, lapse: Lapse) -> None:
    incident = recording.state
    steps = incident.terms.ladder[incident.steps_paged : incident.steps_paged + 1]
    body: Frozen = Unanswered(due=lapse.due)
    if steps:
        level = steps[0].level
        before = [page for page in incident.pages if page.level == level]
        place = {"step": incident.steps_paged + 1, "level": level, "round": len(before) + 1}
        body = Paged(due=lapse.due, audience=steps[0].audience, **place)
    recording.record_lapse(body, lapse.due)


# -- What follows ----------------------------------------------------------------------------------------------


def _adopted(incident: Incident, event: Envelope, body: PageAdopted) -> Changes:
    page = Page(key=body.dedup_key, dedup_key=body.dedup_key, state="accepted")
    wait = incident.terms.of(incident.priority).acknowledge
    first = {"steps_paged": 1, "next_page": event.at + wait} if body.first else {}
    return {"pages": (*incident.pages, page), **first}


def _paged(incident: Incident, event: Envelope, body: Paged) -> Changes:
    page = Page(
        key=effect_key(workflow_id(incident.number), "page", event.seq),
        dedup_key=workflow_id(incident.number),
        level=body.level,
        round=body.round,
        audience=body.audience,
    )
    wait = incident.terms.of(incident.priority).acknowledge
    next_page = counted_from(body.due, event.detected, wait) + wait
    return {"pages": (*incident.pages, page), "steps_paged": body.step, "next_page": next_page}


def _effects(before: Incident | None, after: Incident, event: Envelope) -> Iterator[Effect]:
    """Send the page; and report to the pager that somebody has the incident, or that it is over."""
    body = event.body
    if isinstance(body, Paged):
        yield effect_of(after, event, "page", page=effect_key(workflow_id(after.number), "page", event.seq))
    if isinstance(body, PageAdopted):
        if after.over:
            yield effect_of(after, event, "end_pages")
        elif after.acknowledged_at:
            yield effect_of(after, event, "acknowledge_pages")


RULE = Rule[Incident](
    events={
        PageAdopted: _adopted,
        Paged: _paged,
        Unanswered: lambda *_: {"next_page": None, "unanswered": True},
        LadderRestarted: lambda _incident, event, _body: {"steps_paged": 0, "next_page": event.at, "unanswered": False},
    },
    deadlines=_deadlines,
    lapses={Kind.PAGE: _page},
    effects=_effects,
    notices={
        Unanswered: lambda incident, _event, _body: (
            "incident_unanswered",
            f"{workflow_id(incident.number)}: everybody on the ladder was paged, and nobody came",
        )
    },
)
