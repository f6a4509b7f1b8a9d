"""Zendesk's Support API v2, one plain call at a time. It is no more than three addresses."""

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from integrations.calls import Rejected, Unknown, call
from integrations.helpdesk.zendesk import history
from integrations.helpdesk.zendesk.history import LONGEST, MARKER
from integrations.helpdesk.zendesk.port import Audit, Change, HelpdeskTicket, History, Person, ZendeskConfig

SYSTEM = "Zendesk"
MOST_PAGES = 50
"""Of 100 changes each: no ticket has more."""
Content = TypeVar("Content")


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

    def history(self, number: int) -> History:
        """Read all changes of a ticket, the oldest first. Raises Rejected if there are more than 5,000.

        Zendesk: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
        """
        audits: list[Audit] = []
        people: dict[int, Person] = {}
        after = ""
        for _ in range(MOST_PAGES):
            page = self._get(f"/api/v2/tickets/{number}/audits.json?include=users&page[size]=100{after}")
            people |= _understood(lambda answer: history.people(answer.get("users") or []), page)
            audits += _understood(lambda answer: [history.audit(raw, number) for raw in answer["audits"]], page)
            meta = page.get("meta") or {}
            if not meta.get("has_more"):
                return History(audits=tuple(sorted(audits, key=lambda audit: audit.id)), people=people)
            if not meta.get("after_cursor"):  # a part of the history is not taken for the history
                raise Unknown(f"{SYSTEM} sent an answer that was not understood")
            after = f"&page[after]={quote(str(meta['after_cursor']), safe='')}"
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
        copied=_copied(ticket),
        organization_number=ticket.get("organization_id"),
        organization=_organization(ticket.get("organization_id"), answer.get("organizations") or []),
        tags=tuple(str(tag)[:200] for tag in ticket.get("tags") or [])[:50],
        fields=_filled({**plain, **custom}),
        follows=(source.get("from") or {}).get("ticket_id") if source.get("rel") == "follow_up" else None,
    )


def _copied(ticket: dict[str, Any]) -> tuple[int, ...]:
    """Return who gets copies of what the customer gets. An account of the old kind knows collaborators only, agents
    who follow the ticket among them."""
    copied = ticket.get("email_cc_ids")
    if copied is None:
        copied = ticket.get("collaborator_ids") or []
    return tuple(number for number in copied if number not in (ticket.get("follower_ids") or []))


def _organization(number: int | None, known: list[dict[str, Any]]) -> str | None:
    if number is None:
        return None
    external_id = next((one.get("external_id") for one in known if one["id"] == number), None)
    return str(external_id or "").strip()[:200] or str(number)


def _filled(values: dict[str, Any]) -> dict[str, str]:
    """Return the fields that somebody filled in, as text."""
    plain = {name: str(value) for name, value in values.items() if isinstance(value, str | int | float)}
    return {name: text[:LONGEST] for name, text in plain.items() if text.strip()}
