"""What happened, in a few words: one line of a timeline for each kind of event."""

from datetime import datetime
from enum import Enum
from typing import Any

from pydantic import BaseModel

from domain.ticket.events import Body, Filled, JiraChanged, LimitNoted
from services.reading.instants import shown

TELLS: dict[str, str] = {
    "opened": "opened by {channel}: {priority} {category}",
    "taken": "taken by {agent}",
    "responded": "wrote to the customer",
    "noted": "left a note",
    "step_noted": "noted a step",
    "attached": "attached",
    "filled": "filled {fields}",
    "wait_started": "asked the customer, and waits",
    "wait_ended": "waiting is over: {why}",
    "replied": "the customer wrote",
    "limit_noted": "Tier 1 limit: {minutes_left} left",
    "limit_reached": "Tier 1 limit reached, {over}",
    "limit_reminded": "the lead is reminded: past the Tier 1 limit",
    "escalated": "escalated from {frm} to {to}, {how}",
    "returned": "handed back from {frm} to {to}",
    "answered": "engineering is done ({by}): back in {tier} {assignee}",
    "referred": "referred to the community",
    "resolved": "resolved: {resolution}",
    "reopened": "reopened",
    "closed": "closed, {how}",
    "prioritised": "priority from {old} to {new}",
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
    "effect_done": "done: {key} {jira_key} {incident}",
    "effect_failed": "REFUSED by the other side: {key}",
    "effect_overdue": "outstanding for too long: {key}",
    "effect_retried": "is tried again: {key}",
    "jira_changed": "Jira: {key} is {status} {end}",
    "engineering_said": "engineering says for support, on {key}",
    "told_engineering": "told engineering, on {key}",
    "fix_shipped": "the fix behind {key} has shipped {fix_versions}",
    "incident_changed": "incident-{number} is {state}",
    "incident_left": "was not part of incident-{number}",
    "update_drafted": "update {update} of incident-{number} waits to be sent to the customer",
    "rated": "rated {csat} of 5",
    "message_refused": "a message was refused: {what} ({code}) {missing}",
}


def told(body: Body) -> str:
    """What happened, in a few words. A kind of event that this program does not know is told by its name."""
    sentence = TELLS.get(body.type, body.type.replace("_", " "))
    values = {name: _worded(getattr(body, name)) for name in type(body).model_fields}
    if isinstance(body, LimitNoted):
        values["minutes_left"] = body.left
    values["how"] = values.get("how", "").replace("_", " ")
    if isinstance(body, JiraChanged):
        end = [values["resolution"], f"in {values['fix_versions']}" if body.fix_versions else ""]
        values["end"] = f"({' '.join(filter(None, end))})" if any(end) else ""
    if isinstance(body, Filled):
        absent = {name: f" ({word.replace('_', ' ')})" for name, word in body.absent.items()}
        values["fields"] = ", ".join(f"{name}{absent.get(name, '')}" for name in body.fields) or "arr"
    values["given"] = ", ".join(f"{name} {value}" for name, value in values.items() if value and name != "type")
    return " ".join(sentence.format_map(values).split())


def _worded(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return shown(value)
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
