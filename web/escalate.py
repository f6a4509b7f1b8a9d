"""Escalating a ticket: what is missing as a form, similar open issues first, and what engineering will see (F4, G4)."""

from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from api.parts import Parts
from domain.core.enums import Tier
from domain.ticket.effect_kinds import ISSUE
from domain.ticket.rules.escalation import engineering_for, issue_for
from domain.tracker.bug_report import Report, issue_report
from services.reading.lookup import Seen
from web.forms import CommandForm, FormField
from web.gate import Form
from web.refusal import Refusal
from web.render import page
from web.ticket_view import id_of, load, seq_of


async def show(request: Request) -> Response:
    """Show the form with which a ticket is handed up."""
    return await form_page(request, id_of(request))


async def form_page(
    request: Request, ticket: str, *, refused: Refusal | None = None, typed: Form | None = None
) -> Response:
    """Show the form; where it was refused, with the refusal and what was typed."""
    shown = await load(request, ticket, seq=seq_of(request), refused=refused, typed=typed, draft_of="escalate")
    parts: Parts = request.app.state.parts
    form: CommandForm | None = shown.values["forms"].get("escalate")
    wanted, others = _apart(form, shown.values["lacking"]) if form else ([], [])
    return page(
        request, "escalate.html", refused.status if refused else 200,
        **shown.values,
        form=form,
        wanted=wanted,
        others=others,
        makes=_makes(shown.seen),
        report=_report(parts, shown.seen),
    )  # fmt: skip


def _apart(form: CommandForm, lacking: list[str]) -> tuple[list[FormField], list[FormField]]:
    """Return the fields of what is missing, and all others. A part of the bug report that is missing as a whole is
    missing."""
    names = {f"fields.{name}" for name in lacking}
    if "fields.business_impact" in names:
        names.add("fields.business_impact.text")

    def is_missing(field: FormField) -> bool:
        return field.name in names or field.name.rpartition(".")[0] in names

    wanted = [field for field in form.fields if is_missing(field)]
    return wanted, [field for field in form.fields if not is_missing(field)]


def _makes(seen: Seen) -> str:
    """Return what engineering gets from the next hand-off: `incident`, `linked`, `jira_bug`, `jira_request`; empty
    where the next tier is not engineering's."""
    return engineering_for(seen.ticket) if seen.ticket.tier is Tier.T2 else ""


def _report(parts: Parts, seen: Seen) -> Report | None:
    """Return the issue as it would be made of the ticket now; None where none would be."""
    makes: Any = engineering_for(seen.ticket)
    if makes not in ISSUE:
        return None
    kind: Literal["bug", "request"] = "bug" if issue_for(seen.ticket) == "jira_bug" else "request"
    return issue_report(seen.ticket, seen.texts, kind, None, parts.tracker)
