"""Zendesk's Support API v2, one plain call at a time. It is no more than three addresses."""

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from integrations.calls import Rejected, Unknown, call
from integrations.helpdesk.zendesk.port import Audit, Change, Comment, HelpdeskTicket, ZendeskConfig

SYSTEM = "Zendesk"
MARKER = "tierline"
"""The key of our marker in a change's metadata, which Zendesk keeps with the change and shows to nobody."""
MOST_PAGES = 50
"""Of 100 changes each: no ticket has more."""
LONGEST = 20_000
"""Characters of a text."""
Content = TypeVar("Content")
STAFF = ("agent", "admin")


class ZendeskClient:
    """Implements `HelpdeskPort`."""

    def __init__(self, config: ZendeskConfig) -> None:
        login = f"{config.email}/token:{config.token.get_secret_value()}"
        self._config = config
        self._headers = {
            "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
            "Accept": "application/json",
        }

    def ticket(self, number: int) -> HelpdeskTicket:
        """Read a ticket. Zendesk: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/"""
        answer = self._get(f"/api/v2/tickets/{number}.json?include=organizations")
        return _understood(_ticket, answer)

    def audits(self, number: int) -> list[Audit]:
        """Read all changes of a ticket, the oldest first. Raises Rejected if there are more than 5,000.

        Zendesk: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
        """
        found: list[Audit] = []
        staff: dict[int, bool] = {}
        after = ""
        for _ in range(MOST_PAGES):
            page = self._get(f"/api/v2/tickets/{number}/audits.json?include=users&page[size]=100{after}")
            found += _understood(lambda answer: _audits(answer, staff), page)
            meta = page.get("meta") or {}
            if not meta.get("has_more") or not meta.get("after_cursor"):
                return sorted(found, key=lambda audit: audit.id)
            after = f"&page[after]={meta['after_cursor']}"
        raise Rejected(f"{SYSTEM}: ticket {number} has too long a history", 413)

    def change(self, number: int, change: Change) -> None:
        """Change a ticket, as a safe update if `unless_changed_since` is given. Raises Rejected, 409 for a conflict.

        Zendesk: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
        """
        ticket: dict[str, Any] = {"metadata": {MARKER: change.marker}}
        if change.comment:
            ticket["comment"] = {"body": change.comment.text, "public": change.comment.public}
        if change.status:
            ticket["status"] = change.status
        if change.fields:
            ticket["custom_fields"] = [{"id": name, "value": value} for name, value in change.fields.items()]
        if change.unless_changed_since:
            ticket["safe_update"] = True
            ticket["updated_stamp"] = change.unless_changed_since.strftime("%Y-%m-%dT%H:%M:%SZ")
        body = json.dumps({"ticket": ticket}).encode()
        self._call("PUT", f"/api/v2/tickets/{number}.json", body, {"Content-Type": "application/json"})

    def _get(self, path: str) -> dict[str, Any]:
        answer: Any = self._call("GET", path, None, {})
        if not isinstance(answer, dict):
            raise Unknown(f"{SYSTEM} sent an answer that was not understood")
        return answer

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        config = self._config
        timeout = (config.connect_timeout, config.read_timeout)
        response = call(SYSTEM, method, config.url + path, body, self._headers | headers, timeout)
        try:
            return response.json()
        except ValueError:
            raise Unknown(f"{SYSTEM} sent an answer that was not understood") from None


def _understood(read: Callable[[dict[str, Any]], Content], answer: dict[str, Any]) -> Content:
    try:
        return read(answer)
    except (LookupError, TypeError, ValueError, AttributeError, ValidationError):
        pass
    raise Unknown(f"{SYSTEM} sent an answer that was not understood")


def _ticket(answer: dict[str, Any]) -> HelpdeskTicket:
    ticket = answer["ticket"]
    via = ticket.get("via") or {}
    source = (via.get("source") or {}) if isinstance(via, dict) else {}
    custom = {str(field["id"]): field["value"] for field in ticket.get("custom_fields") or []}
    plain = {name: ticket.get(name) for name in ("priority", "type", "brand_id")}
    return HelpdeskTicket(
        id=ticket["id"],
        created_at=ticket["created_at"],
        updated_at=ticket["updated_at"],
        status=ticket["status"],
        subject=(ticket.get("subject") or "")[:LONGEST],
        description=(ticket.get("description") or "")[:LONGEST],
        via=via.get("channel") or "",
        requester=ticket.get("requester_id"),
        submitter=ticket.get("submitter_id"),
        organization=_organization(ticket.get("organization_id"), answer.get("organizations") or []),
        tags=tuple(str(tag)[:200] for tag in ticket.get("tags") or [])[:50],
        fields=_filled({**plain, **custom}),
        follows=(source.get("from") or {}).get("ticket_id") if source.get("rel") == "follow_up" else None,
    )


def _organization(number: int | None, known: list[dict[str, Any]]) -> str | None:
    if number is None:
        return None
    outside = next((one.get("external_id") for one in known if one["id"] == number), None)
    return str(outside or "").strip()[:200] or str(number)


def _filled(values: dict[str, Any]) -> dict[str, str]:
    """The fields that somebody filled in, as text."""
    plain = {name: str(value) for name, value in values.items() if isinstance(value, str | int | float)}
    return {name: text[:LONGEST] for name, text in plain.items() if text.strip()}


def _audits(answer: dict[str, Any], staff: dict[int, bool]) -> list[Audit]:
    staff |= {user["id"]: user.get("role") in STAFF for user in answer.get("users") or []}
    return [_audit(audit, staff) for audit in answer["audits"]]


def _audit(audit: dict[str, Any], staff: dict[int, bool]) -> Audit:
    events = audit["events"]
    custom = (audit.get("metadata") or {}).get("custom") or {}
    comment = next((event for event in events if event["type"] == "Comment"), None)
    changed = {event.get("field_name"): event.get("value") for event in events if event["type"] == "Change"}
    author = comment["author_id"] if comment else audit["author_id"]
    return Audit(
        id=audit["id"],
        at=audit["created_at"],
        by=author,
        by_staff=staff.get(author, False),
        marker=str(custom.get(MARKER) or ""),
        opening=any(event["type"] == "Create" for event in events),
        comment=Comment(public=bool(comment["public"]), text=_words(comment)) if comment else None,
        status=changed.get("status"),
        priority=changed.get("priority"),
    )


def _words(comment: dict[str, Any]) -> str:
    text = str(comment.get("plain_body") or comment.get("body") or "").strip()
    return text[:LONGEST] or "(no text)"
