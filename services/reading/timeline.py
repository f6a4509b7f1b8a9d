"""What happened, in a few words: one line of a timeline for each kind of event."""

from datetime import datetime
from enum import Enum
from typing import Any

from pydantic import BaseModel

from domain.core.money import in_words as in_currency
from domain.ticket.effect_kinds import IN_WORDS, in_words
from domain.ticket.events import (
    Body,
    Closed,
    EffectRetried,
    EngineeringSaid,
    Filled,
    IssueChanged,
    LimitNoted,
    Noted,
    Prioritised,
    PromiseAtRisk,
    PromiseOnCourse,
    Rated,
    RefundApproved,
    RefundRequested,
    Resolved,
    Responded,
    WaitStarted,
)
from services.reading.instants import instant_text

SENTENCES: dict[str, str] = {
    "opened": "opened by {channel}: {priority} {category}",
    "taken": "taken by {agent}",
    "assigned": "assigned to {agent}",
    "released": "released by {agent}: back in the queue",
    "responded": "wrote to the customer{made_of}",
    "noted": "left a note{seen}",
    "hidden": "made a message private: the customer sees it no more",
    "step_noted": "noted a step",
    "attached": "attached",
    "filled": "filled {fields}",
    "wait_started": "asked the customer, and waits{made_of}",
    "wait_ended": "waiting is over: {why}",
    "replied": "the customer wrote",
    "automatic_reply": "an automatic message of the customer, which moves nothing ({why})",
    "limit_noted": "Tier 1 limit: {minutes_left} left",
    "limit_reached": "Tier 1 limit reached, {over}",
    "limit_reminded": "the lead is reminded: past the Tier 1 limit",
    "escalated": "escalated from {frm} to {to}, {how}",
    "returned": "handed back from {frm} to {to}",
    "answered": "back from engineering ({by}): {tier} {assignee}",
    "referred": "referred to the community",
    "resolved": "resolved{whose}: {resolution}{win}",
    "reopened": "reopened",
    "closed": "closed, {how} {into}",
    "prioritised": "priority from {old} to {new} {dues}",
    "amended": "corrected {given}",
    "terms_replaced": "given new terms",
    "account_matched": "the account became known: new terms, counted from the opening",
    "terms_aged": "the horizon of its calendar comes near: it is looked further ahead",
    "warned": "warned of the SLA, in percent: {shares}",
    "lapsed": "MISSED the {side} {metric} ({cell})",
    "clock_met": "{metric} is met",
    "waived": "the breach of {metric} is waived",
    "debt_paid": "the packages that the P0 owed are complete",
    "debt_overdue": "the packages that the P0 owes are late",
    "guess_stood": "nobody lowered the guessed P0: it pages",
    "effect_done": "done: {effect} {jira_key} {incident}",
    "effect_failed": "REFUSED by the other side: {effect}",
    "effect_overdue": "pending for too long: {effect}",
    "effect_retried": "is tried again: {effect}{instead}",
    "jira_changed": "Jira: {key} is {status} {end}",
    "engineering_said": "{speaker} says for support, on {key}",
    "told_engineering": "told engineering, on {key}",
    "fix_shipped": "the fix behind {key} has shipped {fix_versions}",
    "incident_changed": "incident-{number} is {state}",
    "incident_left": "was not part of incident-{number}",
    "update_drafted": "update {update} of incident-{number} waits to be sent to the customer",
    "rated": "rated {csat} of 5{easy}{through}",
    "question_asked": "asked {to} (question {question})",
    "question_answered": "answered question {question}",
    "question_overdue": "question {question} to {to} is overdue",
    "promised": "promised until {due} ({kind}, promise {promise})",
    "promise_kept": "promise {promise} is kept",
    "promise_reminded": "promise {promise} comes due at {due}",
    "promise_broken": "promise {promise} of {by} was NOT KEPT",
    "promise_at_risk": "promise {promise} of {by} is AT RISK: {key} {planned}, promised until {due}",
    "promise_on_course": "promise {promise} is on course again: {key} {planned}",
    "cancellation_asked": "THE CUSTOMER WANTS TO CANCEL",
    "attention_asked": "asked for a lead's attention",
    "attention_given": "a lead has looked",
    "attention_overdue": "no lead has looked in time",
    "identity_checked": "checked the customer's identity: {way}",
    "refund_requested": "requested refund {refund}: {money}, {reason}",
    "refund_approved": "approved refund {refund}: {money}, for {asker}",
    "refund_refused": "refused refund {refund}, for {asker}",
    "refund_withdrawn": "withdrew refund {refund}",
    "message_refused": "a message was refused: {what} ({code}) {missing}",
}

TEMPLATED = Responded, WaitStarted
"""Events whose message may be made of a template (F9)."""


def summary_of(body: Body) -> str:
    """Return what happened, in a few words. A kind of event that this program does not know is shown by its name."""
    sentence = SENTENCES.get(body.type, body.type.replace("_", " "))
    values = {name: _worded(getattr(body, name)) for name in type(body).model_fields}
    if isinstance(body, LimitNoted):
        values["minutes_left"] = body.left
    values["effect"] = in_words(values.get("key", ""))
    values["how"] = values.get("how", "").replace("_", " ")
    if isinstance(body, IssueChanged):
        end = [values["resolution"], f"in {values['fix_versions']}" if body.fix_versions else ""]
        values["end"] = f"({' '.join(filter(None, end))})" if any(end) else ""
    if isinstance(body, Filled):
        absent = {name: f" ({word.replace('_', ' ')})" for name, word in body.absent.items()}
        words = {name: name.rpartition(".")[2].replace("_", " ") for name in body.fields}
        values["fields"] = ", ".join(f"{word}{absent.get(name, '')}" for name, word in words.items()) or "arr"
    if isinstance(body, Prioritised):
        values["dues"] = _dues(body)
    values["given"] = ", ".join(f"{name} {value}" for name, value in values.items() if value and name != "type")
    return " ".join(sentence.format_map(values | _in_words(body)).split())


def _in_words(body: Body) -> dict[str, str]:
    """Return what is said in other words than a field's own value."""
    return {
        "seen": ", for the customer's eyes too" if isinstance(body, Noted) and body.public else "",
        "speaker": "a program" if isinstance(body, EngineeringSaid) and body.machine else "engineering",
        "made_of": f" (template {body.template})"
        if isinstance(body, Responded | WaitStarted) and body.template
        else "",
        "whose": " by the customer" if isinstance(body, Resolved) and body.by_customer else "",
        "win": ", worth telling the team" if isinstance(body, Resolved) and body.win else "",
        "planned": _planned(body),
        "into": f"into {body.parent}" if isinstance(body, Closed) and body.parent else "",
        "money": in_currency(body.amount, body.currency) if isinstance(body, RefundRequested | RefundApproved) else "",
        "instead": _instead(body),
        "easy": f", easy {body.effort} of 7" if isinstance(body, Rated) and body.effort else "",
        "through": ", by the survey" if isinstance(body, Rated) and body.survey else "",
    }


def _planned(body: Body) -> str:
    """Return for when engineering plans what was promised (F10)."""
    if not isinstance(body, PromiseAtRisk | PromiseOnCourse):
        return ""
    if body.release_date:
        return f"is planned for {body.release_date}"
    return "is done" if isinstance(body, PromiseOnCourse) else "is no longer planned for a date"


def _instead(body: Body) -> str:
    """Return what a refused effect is replaced by, where it is tried again in another way."""
    return f", now as {IN_WORDS[body.kind]} {body.issue}" if isinstance(body, EffectRetried) and body.kind else ""


def _dues(body: Prioritised) -> str:
    """Say when each clock was due before a change of priority, and when it is due after it (C8)."""
    changes = (
        f"{change.side.value} {_worded(change.metric)} due {_worded(change.after) or 'no more'}, "
        f"was {_worded(change.before) or 'not running'}"
        for change in body.dues
        if change.before != change.after
    )
    listed = "; ".join(changes)
    return f"({listed})" if listed else ""


def _worded(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return instant_text(value)
        case Enum():
            return str(value.value).replace("_", " ")
        case tuple():
            return ", ".join(str(item) for item in value)
        case dict():
            return ", ".join(f"{_worded(name)} {item}" for name, item in value.items())
        case float():
            return f"{value:g}"
        case BaseModel():
            return ""
    return str(value)
