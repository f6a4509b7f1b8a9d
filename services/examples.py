"""An example of each command and form: the API describes it, and the CLI shows it in its help."""

from typing import Any

T2_PACKAGE = {
    "steps_taken": "Cleared the cache; tried another browser.",
    "customer_impact": "Nobody in finance can close the month.",
    "reproduction_steps": "1. Open Reports. 2. Export as CSV.",
    "logs_or_screenshots": {"absent": "no_logs", "reason": "It fails before logging starts."},
}

_TICKET: dict[str, dict[str, Any]] = {
    "take": {},
    "assign": {"to": "ben"},
    "release": {"reason": "Off until Monday."},
    "respond": {"text": "We are looking into it."},
    "note": {"text": "Same account as last week."},
    "hide": {"message": "webhook:msg-17"},
    "step": {"text": "Cleared the cache: no change."},
    "attach": {"text": "https://files.example.com/trace.txt"},
    "fill": {"fields": {"customer_impact": "Nobody in finance can close the month."}},
    "wait": {"question": "Which browser do you use?"},
    "reply": {"text": "Firefox.", "by": "acme", "role": "customer"},
    "escalate": {"to": "T2", "fields": T2_PACKAGE},
    "return": {"reason": "The steps are for another version."},
    "refer": {"link": "https://community.example.com/t/42"},
    "resolve": {
        "resolution": "solved",
        "message": "The export works again.",
        "what_was_done": "Rebuilt the index.",
        "root_cause": "A stale index.",
        "kb_article": "KB-17",
    },
    "reopen": {"reason": "It is back."},
    "close": {},
    "solved": {"role": "customer", "text": "Works now, thanks."},
    "end": {"role": "lead", "how": "merged", "into": "4k7m-3q9x-tbd2"},
    "prioritise": {"priority": "P1", "reason": "All users are affected."},
    "amend": {"category": "billing", "tags": ["invoice", "vat"]},
    "tell_engineering": {"text": "It also happens on the staging system."},
    "ask": {"to": "billing", "text": "Was this invoice sent twice?"},
    "answer": {"question": 1, "text": "No, once."},
    "promise": {"text": "An update on the export.", "due": "2026-12-01T09:00:00+01:00"},
    "follow_up": {"text": "Ask whether the export still works.", "due": "2026-12-08T09:00:00+01:00"},
    "keep": {"promise": 1, "text": "Sent the update."},
    "attention": {"role": "csm", "reason": "Their renewal is due this week."},
    "attend": {"role": "lead", "text": "I have called them."},
    "identify": {"way": "callback_to_known_number", "text": "Called back the number on record."},
    "request_refund": {"amount": "12.50", "currency": "EUR", "reason": "charged_twice", "text": "Invoice 2041."},
    "approve_refund": {"role": "lead", "refund": 1},
    "refuse_refund": {"role": "lead", "refund": 1, "text": "It was charged once: see invoice 2041."},
    "withdraw_refund": {"refund": 1, "text": "The customer has found the second booking."},
    "waive": {"role": "lead", "metric": "resolution", "reason": "Agreed with the customer."},
    "retry": {},
    "replace_terms": {"role": "lead", "reason": "Upgraded today.", "account": {"id": "acme", "plan": "premium"}},
    "rate": {"role": "customer", "csat": 5, "comment": "Quick and clear."},
}

_INCIDENT: dict[str, dict[str, Any]] = {
    "acknowledge": {"comment": "Looking at the database."},
    "mitigate": {"comment": "Traffic is on the other site."},
    "update": {
        "status": "We found it.",
        "impact": "No exports.",
        "doing": "Rolling back.",
        "workaround": "Export by mail.",
    },
    "approve": {"update": 1},
    "hand_over": {"to": "ben"},
    "communications": {"to": "eve"},
    "join": {"ticket": "4k7m-3q9x-tbd2"},
    "leave": {"ticket": "4k7m-3q9x-tbd2", "reason": "Another cause."},
    "severity": {"priority": "P0", "reason": "As agreed with the commander."},
    "resolve": {"comment": "It was DNS."},
    "cancel": {"reason": "A false alarm."},
    "action": {"text": "Alert on the queue length.", "owner": "ben", "due": "2026-12-01T09:00:00+01:00"},
    "review_done": {"summary": "The disk filled for a week, and nobody was told."},
    "retry": {},
}

EXAMPLES: dict[str, dict[str, dict[str, Any]]] = {"ticket": _TICKET, "incident": _INCIDENT}
"""Noun -> command -> a payload that the command takes. The role is only there where an agent may not give it."""

DECLARE_EXAMPLE: dict[str, Any] = {"product_area": "API", "priority": "P0"}

OPEN_EXAMPLE: dict[str, Any] = {
    "source": "web-form",
    "external_id": "7c1f",
    "account": {"id": "acme", "plan": "standard"},
    "channel": "in-app",
    "category": "bug",
    "priority": "P2",
    "product_area": "reports",
    "subject": "Export fails",
    "description": "Since this morning every export ends with error 500.",
}
