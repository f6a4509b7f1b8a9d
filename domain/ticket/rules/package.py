"""The packages of a hand-off (G3, G4): their fields, how people fill them, and what filling leads to.

What a hand-off lacks is decided by `gates`.
"""

from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import STAFF, Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Reason, Rule
from domain.core.enums import Role, Tier
from domain.core.input_types import Text
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.core.values import Frozen
from domain.ticket.rules.basics import active, needed, not_closed
from domain.ticket.rules.escalation import hand_up, pay_debt
from domain.ticket.rules.gates import BUG_REPORT, may_not_apply, missing
from domain.ticket.rules.package_fields import Absent, BugReport, BusinessImpact, Package
from domain.ticket.rules.t1_limit import within_limit
from domain.ticket.state import (
    Field,
    Ticket,
)

FILLERS = STAFF | {Role.BOT}
"""Who fills a package (G3). What a bot has tried, or asked the customer, need not be done again."""


class Step(Command):
    """Record a troubleshooting step. It fills `steps_taken` for the hand-off."""

    who: ClassVar[frozenset[Role]] = FILLERS

    do: Literal["step"] = "step"
    text: Text = ""


class StepNoted(Frozen):
    """A troubleshooting step was recorded: it fills `steps_taken` (G3)."""

    type: Literal["step_noted"] = "step_noted"


class Attach(Command):
    """Attach a log or screenshot by name or link. It fills `logs_or_screenshots` for the hand-off."""

    do: Literal["attach"] = "attach"
    text: Text = ""


class Attached(Frozen):
    """A log or screenshot was attached: it fills `logs_or_screenshots` (G3)."""

    type: Literal["attached"] = "attached"


class Fill(Command):
    """Fill fields of the hand-off packages, or say why one does not exist."""

    who: ClassVar[frozenset[Role]] = FILLERS

    do: Literal["fill"] = "fill"
    fields: Package = Package()


class Filled(Frozen):
    """Fields of the hand-off packages were filled, or declared absent with a reason (G3, G4)."""

    type: Literal["filled"] = "filled"
    fields: tuple[str, ...]
    absent: dict[str, Literal["not_reproducible", "no_logs", "not_applicable"]] = {}
    arr: str | None = None


ALWAYS_ABSENT_MAY_BE = {"reproduction_steps": "not_reproducible", "logs_or_screenshots": "no_logs"}
"""G3: what may be declared absent in any category."""


class Filling:
    """A package, flattened to texts by name; white space is missing, and never fills anything."""

    def __init__(self, ticket: Ticket, package: Package) -> None:
        self.texts: dict[str, str] = {}
        self.absent: dict[str, str] = {}
        self.arr: str | None = None
        self.blank: list[str] = []
        for name in Package.model_fields:
            value = getattr(package, name)
            if value is not None:
                self._put(ticket, name, value)

    @property
    def empty(self) -> bool:
        return not self.texts and self.arr is None

    def _put(self, ticket: Ticket, name: str, value: object) -> None:
        match value:
            case Absent():
                self._put_absent(ticket, name, value)
            case BugReport():
                self._put_bug_report(value)
            case BusinessImpact():
                self._put_impact(ticket, name, value)
            case str():
                self._put_text(name, value)

    def _put_text(self, name: str, text: str) -> None:
        if has_text(text):
            self.texts[name] = text.strip()
        else:
            self.blank.append(name)

    def _put_impact(self, ticket: Ticket, name: str, impact: BusinessImpact) -> None:
        """Record the impact. The revenue may come after the words."""
        if impact.arr is not None:
            self.arr = str(impact.arr)
        if has_text(impact.text) or impact.arr is None or name not in ticket.fields:
            self._put_text(name, impact.text)

    def _put_bug_report(self, report: BugReport) -> None:
        parts = {part: getattr(report, part) for part in BUG_REPORT[:-1]}
        for part, text in parts.items():
            if has_text(text):
                self.texts[f"bug_report.{part}"] = text.strip()
        if report.code_change:
            self.texts["bug_report.code_change"] = "A code change is needed."
        if not any(name.startswith("bug_report.") for name in self.texts):
            self.blank.append("bug_report")

    def _put_absent(self, ticket: Ticket, name: str, value: Absent) -> None:
        allowed = value.absent == ALWAYS_ABSENT_MAY_BE.get(name) or (
            value.absent == "not_applicable" and may_not_apply(ticket, name)
        )
        if not allowed:
            raise Refused("not_allowed", f"{name}: {value.absent} cannot be said of it in {ticket.category}")
        if not has_text(value.reason):
            self.blank.append(f"{name}.reason")
            return
        self.texts[name] = value.reason.strip()
        self.absent[name] = value.absent


def _step(recording: Recording[Ticket], command: Step) -> None:
    recording.record(StepNoted(), texts={"steps_taken": needed(text=command.text)["text"]})
    after_filling(recording)


def _may_step(ticket: Ticket) -> Reason:
    """Let a step be recorded until the Tier 1 limit is reached (G2), by whoever has taken the ticket."""
    if reason := active(ticket) or within_limit(ticket):
        return reason
    if ticket.tier is Tier.T1 and ticket.assignee is None:
        return "nobody has taken the ticket: take it first"
    return None


def _attach(recording: Recording[Ticket], command: Attach) -> None:
    recording.record(Attached(), texts={"logs_or_screenshots": needed(text=command.text)["text"]})
    after_filling(recording)


def _fill(recording: Recording[Ticket], command: Fill) -> None:
    """Fill fields of the package. A blank field counts as missing."""
    filling = Filling(recording.state, command.fields)
    if filling.blank or filling.empty:
        blank = filling.blank or ["fields"]
        raise Refused("missing_fields", f"blank is missing: {', '.join(blank)}", missing=blank)
    record_filling(recording, filling)
    after_filling(recording)


def record_filling(recording: Recording[Ticket], filling: Filling) -> None:
    """Record what was filled in."""
    body = Filled(fields=tuple(filling.texts), absent=filling.absent, arr=filling.arr)
    recording.record(body, texts=filling.texts)


def after_filling(recording: Recording[Ticket]) -> None:
    """Escalate at once where the last missing field was filled past the Tier 1 limit (G2)."""
    pay_debt(recording)
    ticket = recording.state
    if ticket.escalation_due and ticket.terms.plan.paid and not missing(ticket, Tier.T2):
        hand_up(recording, Tier.T2, "completed")


def _with_ref(fields: dict[str, Field], event: Envelope, name: str) -> dict[str, Field]:
    """Add one more text to the field `name`; a declared absence gives way to the real thing."""
    known = fields.get(name)
    refs = known.refs if known and not known.absent else ()
    return fields | {name: Field(refs=(*refs, f"{event.seq}.{name}"))}


def _stepped(ticket: Ticket, event: Envelope, _body: StepNoted) -> Changes:
    return {"fields": _with_ref(ticket.fields, event, "steps_taken")}


def _attached(ticket: Ticket, event: Envelope, _body: Attached) -> Changes:
    return {"fields": _with_ref(ticket.fields, event, "logs_or_screenshots")}


def _filled(ticket: Ticket, event: Envelope, body: Filled) -> Changes:
    filled = {name: Field(refs=(f"{event.seq}.{name}",), absent=body.absent.get(name)) for name in body.fields}
    return {"fields": ticket.fields | filled, "arr": body.arr or ticket.arr}


RULE = Rule[Ticket](
    commands={Step: On(_step, _may_step), Attach: On(_attach, not_closed), Fill: On(_fill, not_closed)},
    events={StepNoted: _stepped, Attached: _attached, Filled: _filled},
)
