"""The gates: what a hand-off or a resolution needs. All missing names are reported together, in order."""

from decimal import Decimal

from domain.core.enums import Category, Priority, Resolution, Tier
from domain.core.refusal import Refused
from domain.ticket.commands import Resolve
from domain.ticket.rules.package import Absent, BugReport, BusinessImpact, Package
from domain.ticket.state import Ticket

BUG_REPORT = ("summary", "steps", "expected", "actual", "environment", "frequency", "code_change")
"""The parts of G4's bug report, in order."""

ALWAYS_ABSENT_MAY_BE = {"reproduction_steps": "not_reproducible", "logs_or_screenshots": "no_logs"}
"""G3: what may be declared absent in any category."""


def said(text: str) -> bool:
    """Whether a text says anything: white space, and characters that nobody can see, are missing."""
    return any(char.isprintable() and not char.isspace() for char in text)


def is_request(ticket: Ticket) -> bool:
    """G5: P4 and features become a request in Jira, and need no bug report."""
    return ticket.priority is Priority.P4 or ticket.category is Category.FEATURE


def missing(ticket: Ticket, to: Tier) -> list[str]:
    """G3, G4: what the ticket lacks to be handed to `to`, in the order of the gates.

    For Tier 3 the names of both gates are reported together, so that nobody fills one only to meet the other.
    """
    names = [name for name in ticket.terms.gates.t2 if not _filled(ticket, name)]
    if to is Tier.T3 and not is_request(ticket):
        for name in ticket.terms.gates.t3:
            names += _missing_of(ticket, name)
    return names


def in_order(ticket: Ticket, names: list[str]) -> list[str]:
    """Names, or parts of them such as `bug_report.summary`, in the order of the gates."""
    order = {name: place for place, name in enumerate((*ticket.terms.gates.t2, *ticket.terms.gates.t3))}
    return sorted(names, key=lambda name: order.get(name.split(".")[0], len(order)))


def _filled(ticket: Ticket, name: str) -> bool:
    """Whether a field stands. "Not applicable" stands only in the categories that have it: not for what was
    taken for a how-to and is a bug."""
    field = ticket.fields.get(name)
    return field is not None and (field.absent != "not_applicable" or _may_not_apply(ticket, name))


def _may_not_apply(ticket: Ticket, name: str) -> bool:
    return ticket.category in ticket.terms.gates.not_applicable.get(name, ())


def _missing_of(ticket: Ticket, name: str) -> list[str]:
    if name == "bug_report":
        lacking = [part for part in BUG_REPORT if not _has_part(ticket, part)]
        given = any(f"bug_report.{part}" in ticket.fields for part in BUG_REPORT)
        return [f"bug_report.{part}" for part in lacking] if given else ["bug_report"]
    if not _filled(ticket, name):
        return [name]
    if name == "business_impact" and ticket.arr is None and ticket.account.arr is None:
        return ["business_impact.arr"]
    return []


def _has_part(ticket: Ticket, part: str) -> bool:
    """G4: the steps are inherited from G3's package."""
    inherited = part == "steps" and _filled(ticket, "reproduction_steps")
    return inherited or f"bug_report.{part}" in ticket.fields


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
        if said(text):
            self.texts[name] = text.strip()
        else:
            self.blank.append(name)

    def _put_impact(self, ticket: Ticket, name: str, impact: BusinessImpact) -> None:
        """The revenue may come after the words."""
        if impact.arr is not None:
            self.arr = str(impact.arr)
        if said(impact.text) or impact.arr is None or name not in ticket.fields:
            self._put_text(name, impact.text)

    def _put_bug_report(self, report: BugReport) -> None:
        given = {part: getattr(report, part) for part in BUG_REPORT[:-1]}
        for part, text in given.items():
            if said(text):
                self.texts[f"bug_report.{part}"] = text.strip()
        if report.code_change:
            self.texts["bug_report.code_change"] = "A code change is needed."
        if not any(name.startswith("bug_report.") for name in self.texts):
            self.blank.append("bug_report")

    def _put_absent(self, ticket: Ticket, name: str, value: Absent) -> None:
        allowed = value.absent == ALWAYS_ABSENT_MAY_BE.get(name) or (
            value.absent == "not_applicable" and _may_not_apply(ticket, name)
        )
        if not allowed:
            raise Refused("not_allowed", f"{name}: {value.absent} cannot be said of it in {ticket.category}")
        if not said(value.reason):
            self.blank.append(f"{name}.reason")
            return
        self.texts[name] = value.reason.strip()
        self.absent[name] = value.absent


def arr_of(ticket: Ticket) -> Decimal | None:
    """The revenue at stake, as said in the package, else as the account has it. None is unknown."""
    if ticket.arr and ticket.arr != "unknown":
        return Decimal(ticket.arr)
    return ticket.account.arr if ticket.arr is None else None


def missing_to_resolve(ticket: Ticket, command: Resolve, *, answered: bool) -> list[str]:
    """G9: what the record of a resolution still needs, by type, category and tier.

    `answered` says whether the customer has heard from a person (C5): if not, the resolution must say something.
    """
    need: list[str] = []
    if command.resolution is None:
        need.append("resolution")
    if not answered and command.resolution is not Resolution.WONT_FIX:  # its reason is a word to the customer
        need.append("message")
    match command.resolution:
        case Resolution.DUPLICATE:
            need.append("parent")
        case Resolution.WONT_FIX:
            need.append("customer_reason")
        case Resolution.FEATURE_REQUEST:
            need.append("message")
            if not ticket.jira:
                need.append("link")
        case Resolution.WORKAROUND:
            need.append("message")
    if command.resolution in (Resolution.SOLVED, Resolution.WORKAROUND, None):
        need += _missing_record(ticket)
    lacking = [name for name in dict.fromkeys(need) if not _given(command, name)]
    # Of a choice between two, the name that most tickets need; none if the other is asked for anyway.
    choices = [name.split("|") for name in lacking]
    return [first for first, *other in choices if not any(name in lacking for name in other)]


def _missing_record(ticket: Ticket) -> list[str]:
    """What was done and why, by category; everything from T2 and T3 is told in full."""
    identity = ["identity_check"] if needs_identity(ticket) else []
    if ticket.tier is Tier.T1 and ticket.category is Category.HOW_TO:
        return ["kb_article|message", *identity]
    need = ["what_was_done", *identity]
    short = (Category.BILLING, Category.ACCOUNT, Category.FEATURE)
    if ticket.tier is Tier.T1 and ticket.category in short:
        return need
    return [*need, "root_cause", "kb_article|kb_reason"]


def needs_identity(ticket: Ticket) -> bool:
    """G9: whether it is account-sensitive, by its category or a tag: who asks must be who they say they are."""
    gates = ticket.terms.gates
    return ticket.category in gates.identity_check or any(tag in gates.identity_tags for tag in ticket.tags)


def _given(command: Resolve, name: str) -> bool:
    return any(said(getattr(command, part) or "") for part in name.split("|"))
