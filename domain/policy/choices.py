"""Every choice in how the tables and rules are read, with this policy's own values, numbered by rule.

`docs/how-we-read-the-tables.md` tells the same at more length; a test keeps the two in step.
"""

from collections.abc import Sequence

from domain.core.enums import Priority
from domain.core.money import in_words
from domain.core.values import Frozen
from domain.policy.check import names, spell, spell_days
from domain.policy.grammar import clock
from domain.policy.incidents import IncidentsRow
from domain.policy.policy import Policy


class Choice(Frozen):
    """One choice, and the rule that it settles."""

    rule: str
    text: str


def choices(policy: Policy) -> tuple[Choice, ...]:
    """Return all of them, in the order of the rules: C, G, F."""
    return tuple(
        Choice(rule=rule, text=text)
        for group in (_clock_choices, _gate_choices, _follow_up_choices)
        for rule, text in group(policy).items()
    )


def _clock_choices(policy: Policy) -> dict[str, str]:
    limits = policy.limits
    wall = [
        f"priorities.{priority}.{name}"
        for priority, row in policy.priorities.items()
        for name, cell in (("response", row.response), ("resolution", row.resolution))
        if cell and cell.clock == "wall"
    ]
    wall += [
        f"plans.{plan}.{name}"
        for plan, row in policy.plans.items()
        for name, cell in (
            ("first_response", row.first_response),
            ("critical_response", row.critical_response),
            ("resolution", row.resolution),
        )
        if cell and cell.clock == "wall"
    ]
    dates = [f"{name} {one.key}" for name, row in policy.calendars.items() for one in row.hours.dates]
    unpaid = [plan for plan, row in policy.plans.items() if not row.paid]
    shares = _listed([str(share) for share in limits.warnings], "no")
    return {
        "C1": "The plan row is the contract, the priority row the target; the earlier instant is shown and warned of.",
        "C2": f"Critical: {_listed(policy.critical, 'none')}.",
        "C3": f"On the wall: {_listed(wall, 'no cell')}. Every other cell counts the plan's support hours.",
        "C4": "A reply exactly at the due instant is in time. Ends at closing time = due at closing time.",
        "C5": "A first response is a person's words that the customer sees, `wait` and `resolve` included.",
        "C6": "Waiting on the customer stops resolution and the T1 limit, never the first response.",
        "C7": "Solved, or a workaround delivered, meets resolution. P4 and feature requests have no contract one.",
        "C8": "Raised: the earlier of the old due and change + new budget. Lowered: the contract stays. "
        "New terms: from the opening, but not before the instant that raising would give.",
        "C9": "A target is never later than that of a lower priority.",
        "C10": "Resolved time does not count. After closing, the customer's word opens a linked ticket.",
        "C11": f"Warnings at {shares} percent of the effective clock, each once.",
        "C12": f"Late evidence counts up to {spell(limits.evidence)} old, from {_listed(policy.trusted, 'nobody')}.",
        "C13": f"Best effort and no target clock: {_listed(unpaid, 'no plan')}.",
        "C14": "The next-response clock is off, unless a plan has `next_response`.",
        "C15": f"Dates with windows of their own: {_listed(dates, 'none')}.",
        "C16": "Without a region, only the holidays of the whole country count. Time zones are those that are shipped.",
        "C17": "An automatic message is kept and shown, and moves nothing.",
    }


def _openings(rules: IncidentsRow) -> str:
    """Return how many incidents there may be of strangers, and in which areas."""
    areas = f"Areas with incidents of their own: {_listed(list(rules.areas), 'all')}."
    if not rules.opened_by_one:
        return areas
    return f"One person or source opens {rules.opened_by_one} incidents within {spell(rules.opened_within)}. {areas}"


def _gate_choices(policy: Policy) -> dict[str, str]:
    limits, gates = policy.limits, policy.gates
    notes = _listed([spell(note) for note in limits.t1_notes], "no time")
    checked = _listed(gates.identity_check, "no")
    unpaid = [plan for plan, row in policy.plans.items() if not row.paid]
    ladder, severities = list(dict.fromkeys(policy.incidents.ladder)), policy.incidents.severities
    p0, p1 = severities[Priority.P0], severities[Priority.P1]
    consequence = "escalates a complete package" if limits.t1_mode == "enforce" else "is counted, and moves nothing"
    return {
        "G1": f"Tier 1 troubleshoots {spell(limits.t1_limit)} at most, from the first take.",
        "G2": f"Notes at {notes}; the limit {consequence}; the lead is reminded every {spell(limits.t1_grace)}.",
        "G3": f"T1 -> T2 needs {_listed(gates.t2, 'nothing')}.",
        "G4": f"T2 -> T3 needs {_listed(gates.t3, 'nothing')}.",
        "G5": "P0 and P1 open an incident, the others an issue in the sprint backlog. Enterprise, and P0 and P1 "
        "on any paid plan, may skip Tier 2.",
        "G6": f"A paid P0 pages at once, a guessed one after {spell(limits.guess)}; its packages are due "
        f"{spell(limits.debt)} later, and before the incident is resolved. A page goes to {_listed(ladder, 'nobody')}, "
        f"each for {spell(p0.acknowledge)} (P0) or {spell(p1.acknowledge)} (P1), until somebody acknowledges. A P0 of "
        f"an account that nobody knows is a guessed one, unless support brings it. {_openings(policy.incidents)}",
        "G7": f"Stops at the community unless a lead overrides with a reason: {_listed(unpaid, 'no plan')}.",
        "G8": "T2 and T3 may hand back with a reason; bounces are counted.",
        "G9": f"Resolved tickets close after {spell_days(limits.quiet)} on the wall; identity is checked for "
        f"{checked} tickets, and for the tags {_listed(gates.identity_tags, 'none')}.",
        "G10": "Queues order by incident, breached, effective deadline, plan path. Teams, the first that fits: "
        f"{_listed(list(policy.routing.teams), 'none')}.",
        "G11": "Every field of the form is on the ticket. What the form does not say, "
        f"{len(policy.classification.rules)} rules do.",
        "G12": "Who wrote is what they are to the ticket: customer, one of ours, or a system, whose word is a note.",
        "G13": "What ends elsewhere ends here, without a record; its clocks stop, and none is met.",
        "G14": "A message with `seen` is held back once if the ticket has moved on since.",
        "G15": f"A question to one of ours is due in {spell(limits.consult)} of support time.",
        "G16": f"Whoever made a promise is reminded {spell(limits.promise_reminder)} before it is due.",
        "G17": f"A person holds at most {policy.work.active_tickets or 'any number of'} active tickets.",
        "G18": f"Where attention was asked for, a lead looks within {spell(limits.attention)} of support time.",
        "G19": f"Identity needs {gates.identity.needed} points, of {_listed(list(gates.identity.ways), 'no way')}."
        if gates.identity.needed
        else "Identity is described in words: the policy asks for no points.",
    }


def _follow_up_choices(policy: Policy) -> dict[str, str]:
    churn = policy.churn
    credits = [f"{plan} {row.credit_percent:f} %" for plan, row in policy.plans.items() if row.credit_percent]
    quiet = policy.quiet_hours
    after = policy.survey.remind_after
    reminded = f"reminded once after {spell_days(after)}" if after else "never reminded"
    easy = " It is also asked how easy it was, 1 to 7." if policy.survey.effort_question else ""
    row = policy.digest
    digest = f"{names(map(clock, row.times))} {row.zone} to {names(row.audiences)}" if row else "none"
    hours = f"{clock(quiet.since)} to {clock(quiet.until)} {quiet.zone}" if quiet else "none"
    return {
        "F1": f"Churn: {churn.tickets} or more {_listed(churn.priorities, 'no')} tickets within "
        f"{spell_days(churn.within)}, {'or one cancellation, ' if churn.cancellations else ''}"
        f"from accounts with a CSM or ARR over {churn.arr_over:,f}. "
        f"The shared CSM: {policy.customer_success.shared or 'nobody'}.",
        "F2": f"Credit for a breach: {_listed(credits, 'none')} of a month's fee. Approved by: "
        f"{names(policy.credits.approvers)}.",
        "F3": f"A week is Monday to Sunday in {policy.report.zone}. A breach counts in the week in which it fell.",
        "F4": "A feature request is one issue, with the count and the ARR of those who ask for it.",
        "F5": f"Notices go where the table says; quiet hours: {hours}; digest: {digest}. "
        f"Ops are notified of an effect that is pending for {spell(policy.limits.effect_alert)}.",
        "F6": _refunds(policy),
        "F7": f"The customer is asked once, after closing, and {reminded}. The link works for "
        f"{spell_days(policy.survey.link_valid)}; an answer is changeable for a day; 1 or 2 asks for a "
        f"follow-up.{easy}",
    }


def _listed(words: Sequence[str], nothing: str) -> str:
    return names(words) if words else nothing


def _refunds(policy: Policy) -> str:
    limits = {role: amounts for role, amounts in policy.refunds.limits.items() if amounts}
    if not limits:
        return "Refunds: none, no role has a limit."
    said = (
        f"{role} up to {names([in_words(*one[::-1]) for one in amounts.items()])}" for role, amounts in limits.items()
    )
    return f"Refunds on {names(policy.refunds.categories)} tickets are approved by {'; '.join(said)}, on one ticket."
