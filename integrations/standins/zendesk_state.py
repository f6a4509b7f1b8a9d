"""The tickets of the Zendesk stand-in, with their histories in the vendor's shapes, and what people do to them.

Zendesk: https://developer.zendesk.com/documentation/ticketing/reference-guides/ticket-audit-events-reference
"""

import json
import threading
from datetime import datetime
from itertools import count
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from integrations.standins.common import now

US, AGENT, CUSTOMER, ITSELF = 1, 20, 300, -1
"""The users: Tierline's own, an agent, the customer; and Zendesk itself, which is in no list of users."""
ROLES = {US: "admin", AGENT: "agent", 21: "agent", CUSTOMER: "end-user", 301: "end-user"}
"""Who people are at first. `/standin/person` makes others of them."""
ORGANIZATION = 4000
RULE = {"channel": "rule", "source": {"rel": "trigger", "from": {"id": 77, "title": "A trigger"}, "to": {}}}
"""The origin of what a trigger does."""
LONGEST_COMMENT = 65_535
"""Characters."""
MOST_COMMENTS = 5_000
"""Of one ticket."""
MOST_METADATA = 1_024
"""Bytes of what a program keeps with one change."""
PRIORITIES = ("urgent", "high", "normal", "low")
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
CHANGES = {"status": "ticket.status_changed", "priority": "ticket.priority_changed"}
"""The plain fields that somebody may change, each with its own webhook."""


class Act(BaseModel, extra="forbid"):
    """What a person does: opens a ticket, or changes one."""

    ticket: int | None = None
    by: int = CUSTOMER
    at: AwareDatetime = Field(default_factory=now)
    comment: str | None = None
    public: bool = True
    status: str | None = None
    subject: str = ""
    priority: str | None = None
    organization: int | None = ORGANIZATION
    external_id: str | None = "acme"
    """The organisation's, outside of Zendesk."""
    via: str = "email"
    requester: int | None = None
    """Who asks, where it is not whoever opens the ticket; in a change, who asks from now on."""
    copied: list[int] = []
    """Who gets copies."""
    wrote: int | None = None
    """The author of the comment, where it is not who makes the change."""
    call: dict[str, Any] | None = None
    """The comment stands for a call: what Zendesk says of it."""
    by_rule: bool = False
    """A trigger or an automation does all of it."""
    rule_sets: dict[str, str] = {}
    """What a trigger does in the same change: field -> value."""
    assignee: int | None = None
    aside: bool = False
    """In a side conversation."""
    hide: int | None = None
    """The comment, by its id, that is made private."""
    merge_into: int | None = None
    """The ticket that this one is merged into."""
    fields: dict[int, str] = {}
    follows: int | None = None


class ZendeskState:
    """Tickets with their histories. Safe to use from any thread."""

    def __init__(self, first: int) -> None:
        self._lock = threading.Lock()
        self._numbers = count(first)
        self.tickets: dict[int, dict[str, Any]] = {}
        self.audits: dict[int, list[dict[str, Any]]] = {}
        self.organizations: dict[int, str | None] = {}
        self.roles = dict(ROLES)
        self.members: dict[int, int] = {}
        """The organisation of a person."""
        self.deleted: set[int] = set()
        self.required: dict[int, str] = {}
        """The custom fields that must be filled in before a ticket is solved, with their titles."""

    def act(self, act: Act) -> int:
        with self._lock:
            if act.merge_into is not None:
                return self._merge(act)
            number = act.ticket if act.ticket is not None else self._open(act)
            if act.ticket is not None:
                change: dict[str, Any] = {}
                if act.comment:
                    change["comment"] = {"body": act.comment, "public": act.public, "author_id": act.wrote or act.by}
                change |= {name: value for name in CHANGES if (value := getattr(act, name))}
                change |= {"custom_fields": [{"id": field, "value": value} for field, value in act.fields.items()]}
                self._change(number, act.by, change, act.at, act)
            return number

    def end(self, number: int) -> None:
        """Delete a ticket: it is there no more for whoever asks."""
        with self._lock:
            self.deleted.add(number)

    def restore(self, number: int) -> None:
        with self._lock:
            self.deleted.discard(number)

    def _merge(self, act: Act) -> int:
        """Close a ticket, and tell both of it, as Zendesk does in an agent's name."""
        assert act.ticket is not None
        assert act.merge_into is not None
        source, target = self.tickets[act.ticket], self.tickets[act.merge_into]
        origin = {"rel": "merge", "from": {"ticket_id": act.ticket, "subject": source["subject"]}, "to": {}}
        via = {"channel": "web", "source": origin}
        gone = f'This request was closed and merged into request #{act.merge_into} "{target["subject"]}".'
        came = f'Request #{act.ticket} "{source["subject"]}" was closed and merged into this request.'
        closed = {"type": "Change", "field_name": "status", "value": "closed", "previous_value": source["status"]}
        for number, words, more in ((act.ticket, gone, [closed]), (act.merge_into, came, [])):
            comment = _comment_event(next(self._numbers), act.by, words, public=act.public)
            events = [comment, *({"id": next(self._numbers), **event} for event in more)]
            self.tickets[number] |= {"updated_at": stamp(act.at)} | ({"status": "closed"} if more else {})
            self._audit(number, act.by, stamp(act.at), {}, events, via)
        return act.ticket

    def change(self, number: int, by: int, change: dict[str, Any]) -> dict[str, Any]:
        """Return one update by the API. Raises LookupError, ValueError (unprocessable), Conflict."""
        with self._lock:
            ticket = self.tickets[number]
            if change.get("safe_update") and change.get("updated_stamp") != ticket["updated_at"]:
                raise Conflict
            return self._change(number, by, change, now())

    def _open(self, act: Act) -> int:
        number, at = next(self._numbers), stamp(act.at)
        if act.organization is not None:
            self.organizations[act.organization] = act.external_id
        self.tickets[number] = {
            "id": number,
            "created_at": at,
            "updated_at": at,
            "status": act.status or "new",
            "subject": act.subject,
            "description": act.comment or "",
            "priority": act.priority,
            "type": None,
            "requester_id": act.requester or (act.by if self.roles.get(act.by) == "end-user" else CUSTOMER),
            "submitter_id": act.by,
            "assignee_id": act.assignee,
            "collaborator_ids": act.copied,
            "email_cc_ids": act.copied,
            "follower_ids": [],
            "organization_id": act.organization,
            "tags": [],
            "custom_fields": [{"id": field, "value": value} for field, value in act.fields.items()],
            "via": {"channel": act.via, "source": _origin(act.follows)},
        }
        events = [{"type": "Create", "field_name": "status", "value": act.status or "new", "id": next(self._numbers)}]
        events.append(
            _comment_event(next(self._numbers), act.by, act.comment or "(nothing)", public=act.public, call=act.call)
        )
        self._audit(number, act.by, at, {}, events, RULE if act.by_rule else {"channel": act.via, "source": {}})
        return number

    def _change(
        self, number: int, by: int, change: dict[str, Any], at: datetime, act: Act | None = None
    ) -> dict[str, Any]:
        ticket, changed_at = self.tickets[number], stamp(at)
        events: list[dict[str, Any]] = []
        if ticket["status"] == "closed":
            raise ValueError("a closed ticket is not changed")
        if comment := change.get("comment"):
            if not str(comment.get("body") or "").strip():
                raise ValueError("comment: cannot be blank")
            if len(comment["body"]) > LONGEST_COMMENT:
                raise ValueError(f"comment: is too long (maximum is {LONGEST_COMMENT} characters)")
            said = sum(event["type"] == "Comment" for audit in self.audits[number] for event in audit["events"])
            if said >= MOST_COMMENTS:
                raise ValueError(f"comment: a ticket has at most {MOST_COMMENTS} comments")
            public, call = bool(comment.get("public", True)), act.call if act else None
            author = comment.get("author_id", by)
            events.append(_comment_event(next(self._numbers), author, comment["body"], public=public, call=call))
        status = change.get("status", ticket["status"])
        if status not in STATUSES or (status == "new" and ticket["status"] != "new"):
            raise ValueError(f"status: {status} is not possible")
        if change.get("priority") not in (None, *PRIORITIES):
            raise ValueError(f"priority: {change['priority']} is not valid")
        if len(json.dumps(change.get("metadata") or {})) > MOST_METADATA:
            raise ValueError(f"metadata: is too long (maximum is {MOST_METADATA} bytes)")
        plain = {"status": status, "priority": change.get("priority", ticket["priority"])}
        for name, value in plain.items():
            if value != ticket[name]:
                events.append(self._changed(name, value, ticket[name]))
        if act:
            events += self._more(ticket, act)
            plain |= {name: value for name, value in act.rule_sets.items() if name in CHANGES}
        custom = {field["id"]: field["value"] for field in ticket["custom_fields"]}
        custom |= {field["id"]: field["value"] for field in change.get("custom_fields", [])}
        if missing := [field for field in self.required if status == "solved" and not custom.get(field)]:
            raise Unprocessable(
                [
                    {
                        "description": f"{self.required[field]}: is required when solving a ticket",
                        "error": None,
                        "ticket_field_id": field,
                        "ticket_field_type": "FieldText",
                    }
                    for field in missing
                ]
            )
        fields = [{"id": field, "value": value} for field, value in custom.items()]
        if not events and fields == ticket["custom_fields"]:
            return ticket  # nothing changed: no audit
        ticket |= plain | {"custom_fields": fields, "updated_at": changed_at}
        self._audit(number, by, changed_at, change.get("metadata") or {}, events, _via(act))
        return ticket

    def _changed(self, name: str, value: Any, previous: Any, via: dict[str, Any] | None = None) -> dict[str, Any]:
        changed = {"type": "Change", "field_name": name, "value": value, "previous_value": previous}
        return changed | {"id": next(self._numbers)} | ({"via": via} if via else {})

    def _more(self, ticket: dict[str, Any], act: Act) -> list[dict[str, Any]]:
        """Return what else somebody changes: who asks, who has it, which words are private; and what a trigger does
        then."""
        events = []
        for field, value in (("requester_id", act.requester), ("assignee_id", act.assignee)):
            if value is not None:
                events.append(self._changed(field, str(value), str(ticket[field])))
                ticket[field] = value
        if act.hide is not None:
            hidden = {"type": "CommentPrivacyChange", "comment_id": act.hide, "public": False}
            events.append(hidden | {"id": next(self._numbers)})
            for sibling in (event for audit in self.audits[ticket["id"]] for event in audit["events"]):
                if sibling["id"] == act.hide:
                    sibling["public"] = False
        events += [self._changed(name, value, ticket.get(name), RULE) for name, value in act.rule_sets.items()]
        return events

    def _audit(
        self,
        number: int,
        by: int,
        at: str,
        custom: dict[str, Any],
        events: list[dict[str, Any]],
        via: dict[str, Any] | None = None,
    ) -> None:
        audit = {
            "id": next(self._numbers),
            "ticket_id": number,
            "created_at": at,
            "author_id": by,
            "metadata": {"custom": custom, "system": {"client": "stand-in"}},
            "via": via or {"channel": "api", "source": {}},
            "events": events,
        }
        self.audits.setdefault(number, []).append(audit)


class Unprocessable(ValueError):
    """A change that is refused, with what is wrong with it as the vendor says it."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(problem["description"] for problem in problems))
        self.problems = problems


class Conflict(Exception):
    """The ticket has changed since."""


def stamp(at: datetime) -> str:
    """Write an instant as Zendesk does: in whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _origin(follows: int | None) -> dict[str, Any]:
    return {"rel": "follow_up", "from": {"ticket_id": follows}, "to": {}} if follows else {"rel": None, "from": {}}


def _via(act: Act | None) -> dict[str, Any]:
    """Return how a change came about."""
    if act is None:
        return {"channel": "api", "source": {}}
    if act.by_rule:
        return RULE
    return {"channel": "side_conversation" if act.aside else "web", "source": {"rel": None, "from": {}, "to": {}}}


def _comment_event(
    number: int, by: int, text: str, *, public: bool, call: dict[str, Any] | None = None
) -> dict[str, Any]:
    comment = {"id": number, "type": "Comment", "author_id": by, "body": text, "plain_body": text, "public": public}
    return comment | ({"type": "VoiceComment", "data": call} if call is not None else {})
