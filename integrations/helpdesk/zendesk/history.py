"""Zendesk's audits, read as what happened to a ticket. Pure.

A change may hold more than one thing: a comment, a status, and what a trigger did right after. An event that has a
`via` of its own was caused by that, and not by whoever made the change.

Zendesk: https://developer.zendesk.com/documentation/ticketing/reference-guides/ticket-audit-events-reference
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from integrations.helpdesk.zendesk.port import Audit, Comment, Merge, Person

Json = dict[str, Any]
LONGEST = 200_000
"""Characters of a text: more than Zendesk has. What an event cannot keep stands beside it (`services.intake.texts`)."""
MARKER = "tierline"
"""The key of our marker in a change's metadata, which Zendesk keeps with the change and shows to nobody."""
STAFF = ("agent", "admin")
AUTOMATIC = ("rule", "system", "monitor_event", "user_change", "user_deletion", "group_change", "group_deletion")
"""Channels by which Zendesk itself acts: triggers and automations are `rule`."""
ASIDE = "side_conversation"
_NUMBER = re.compile(r"#([1-9][0-9]{0,17})\b")


def people(users: Iterable[Json]) -> dict[int, Person]:
    """Return who the users of an answer are, by their ids."""
    return {
        user["id"]: Person(staff=user.get("role") in STAFF, organization=user.get("organization_id")) for user in users
    }


def audit(raw: Json, ticket: int) -> Audit:
    """Read one audit of a ticket. Raises LookupError, TypeError or ValueError for what is none."""
    events: list[Json] = raw["events"]
    custom = (raw.get("metadata") or {}).get("custom") or {}
    channel = _channel(raw)
    comment = next((event for event in events if event["type"] in ("Comment", "VoiceComment")), None)
    by = _author(comment, raw["author_id"])
    changed = {event.get("field_name"): event for event in events if event["type"] == "Change"}
    status, priority, requester = (changed.get(name) or {} for name in ("status", "priority", "requester_id"))
    return Audit(
        id=raw["id"],
        at=raw["created_at"],
        by=by,
        actor=raw["author_id"],
        marker=str(custom.get(MARKER) or ""),
        opening=any(event["type"] == "Create" for event in events),
        automatic=channel in AUTOMATIC or bool(comment and _channel(comment) in AUTOMATIC),
        aside=ASIDE in (channel, _channel(comment or {})),
        comment=_comment(comment, raw["created_at"]) if comment else None,
        status=status.get("value"),
        status_was=status.get("previous_value"),
        status_by_rule=_channel(status) in AUTOMATIC,
        priority=None if _channel(priority) in AUTOMATIC else priority.get("value"),
        requester=number_in(requester.get("value")) or number_in(_created(events, "requester_id")),
        requester_was=number_in(requester.get("previous_value")),
        agents=_agents(raw, events, by),
        merge=_merge(raw, events, comment, ticket),
        hidden=frozenset(
            number
            for event in events
            if event["type"] == "CommentPrivacyChange" and event.get("public") is False
            if (number := number_in(event.get("comment_id")))
        ),
    )


def _channel(what: Json) -> str:
    via = what.get("via")
    return str(via.get("channel") or "") if isinstance(via, dict) else ""


def number_in(value: Any) -> int | None:
    """Return a number that is written as one, or as text; None for anything else."""
    text = str(value)
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _created(events: list[Json], field: str) -> Any:
    return next((one["value"] for one in events if one["type"] == "Create" and one.get("field_name") == field), None)


def _author(comment: Json | None, by: int) -> int:
    """Return who wrote the comment, else who made the change. A call may have no author of its own."""
    author = comment.get("author_id") if comment else None
    return int(author if author is not None else by)


def _comment(raw: Json, at: Any) -> Comment:
    text = str(raw.get("plain_body") or raw.get("body") or "").strip()[:LONGEST] or "(no text)"
    voice = raw["type"] == "VoiceComment"
    data = raw.get("data")
    call: Json = data if voice and isinstance(data, dict) else {}
    spoke = voice and call.get("call_duration") != 0
    return Comment(
        public=bool(raw["public"]),
        text=text,
        id=raw["id"],
        voice=voice,
        call=_began(call.get("started_at")) or at if spoke else None,
        answered_by=number_in(call.get("answered_by_id")) if spoke else None,
    )


def _began(stamp: Any) -> datetime | None:
    """Return when a call began: Zendesk writes the instant in two ways."""
    try:
        at = datetime.fromisoformat(re.sub(r" (?=[+-][0-9]{4}$)", "", str(stamp)))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _agents(raw: Json, events: list[Json], by: int) -> frozenset[int]:
    """Return whom a change shows to be an agent: who is assigned to the ticket, who writes what customers do not see,
    and who does what the help centre does not let customers do."""
    own = [event for event in events if _channel(event) not in AUTOMATIC]
    assigned = [event.get("value") for event in events if event.get("field_name") == "assignee_id"]
    found = {number for value in assigned if (number := number_in(value)) and number > 0}
    if _channel(raw) in (*AUTOMATIC, ASIDE) or _is_merge(raw):
        return frozenset(found)
    if any(event["type"] in ("Comment", "VoiceComment") and not event["public"] for event in own):
        found.add(by)
    if any(_only_agents(event) for event in own if event["type"] == "Change"):
        found.add(int(raw["author_id"]))
    return frozenset(number for number in found if number > 0)


def _only_agents(change: Json) -> bool:
    field, value = change.get("field_name"), change.get("value")
    if field == "status":
        return value in ("pending", "hold") or (value == "open" and change.get("previous_value") == "new")
    return field in ("assignee_id", "group_id", "priority")


def _is_merge(raw: Json) -> bool:
    via = raw.get("via")
    source = via.get("source") if isinstance(via, dict) else None
    return isinstance(source, dict) and source.get("rel") == "merge"


def _merge(raw: Json, events: list[Json], comment: Json | None, ticket: int) -> Merge | None:
    """Return which ticket ended and which goes on. Zendesk closes the one that ends in the same change. It names the
    other one in the change's origin, or only in the words that it leaves on the ticket."""
    if not _is_merge(raw):
        return None
    source: Json = raw["via"]["source"]
    ends = any(event.get("field_name") == "status" and event.get("value") == "closed" for event in events)
    named = [number_in((source.get(side) or {}).get("ticket_id")) for side in ("to", "from")]
    others = [number for number in named if number and number != ticket]
    if ends and not others and comment:
        others = [int(found) for found in _NUMBER.findall(str(comment.get("body") or "")) if int(found) != ticket]
    other = others[0] if others else None
    return Merge(source=ticket, target=other) if ends else Merge(source=other, target=ticket)
