"""Zendesk's Support API v2, one plain call at a time. It is no more than three addresses."""

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from integrations.calls import Rejected, Unknown, call
from integrations.helpdesk.zendesk import history
from integrations.helpdesk.zendesk.history import LONGEST, MARKER, number_in
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
    """Read a ticket. What only describes it, and is not as Zendesk documents it, says nothing. Raises LookupError,
    TypeError, ValueError where it does not say which ticket it is, or how it stands."""
    ticket = answer["ticket"]
    via = ticket.get("via")
    channel, source = (via.get("channel"), via.get("source")) if isinstance(via, dict) else (via, None)
    source = source if isinstance(source, dict) else {}
    origin = source.get("from")
    custom = {str(one["id"]): one.get("value") for one in _objects(ticket.get("custom_fields")) if "id" in one}
    plain = {name: ticket.get(name) for name in ("priority", "type", "brand_id")}
    tags = ticket.get("tags")
    return HelpdeskTicket(
        id=ticket["id"],
        created_at=ticket["created_at"],
        updated_at=ticket["updated_at"],
        status=ticket["status"],
        subject=_text(ticket.get("subject"))[:LONGEST],
        description=_text(ticket.get("description"))[:LONGEST],
        via=_text(channel),
        requester=number_in(ticket.get("requester_id")),
        submitter=number_in(ticket.get("submitter_id")),
        copied=_copied(ticket),
        organization_number=number_in(ticket.get("organization_id")),
        organization=_organization(number_in(ticket.get("organization_id")), _objects(answer.get("organizations"))),
        tags=tuple(filled for tag in (tags if isinstance(tags, list) else [tags]) if (filled := _text(tag)[:200]))[:50],
        fields=_filled({**plain, **custom}),
        follows=number_in(origin.get("ticket_id"))
        if isinstance(origin, dict) and source.get("rel") == "follow_up"
        else None,
    )


def _copied(ticket: dict[str, Any]) -> tuple[int, ...]:
    """Return who gets copies of what the customer gets. An account of the old kind knows collaborators only, agents
    who follow the ticket among them."""
    copied = ticket.get("email_cc_ids")
    if copied is None:
        copied = ticket.get("collaborator_ids")
    return tuple(number for number in _numbers(copied) if number not in _numbers(ticket.get("follower_ids")))


def _numbers(values: Any) -> list[int]:
    read = map(number_in, values) if isinstance(values, list) else ()
    return [number for number in read if number is not None]


def _objects(values: Any) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _text(value: Any) -> str:
    """Return what a field says, if it is a word or a number."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _organization(number: int | None, known: list[dict[str, Any]]) -> str | None:
    if number is None:
        return None
    external_id = next((one.get("external_id") for one in known if one.get("id") == number), None)
    return _text(external_id).strip()[:200] or str(number)


def _filled(values: dict[str, Any]) -> dict[str, str]:
    """Return the fields that somebody filled in, as text."""
    several = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    plain = {name: ", ".join(filter(None, map(_flag_or_text, parts))) for name, parts in several.items()}
    return {name: text[:LONGEST] for name, text in plain.items() if text.strip()}


def _flag_or_text(value: Any) -> str:
    return str(value) if isinstance(value, bool) else _text(value)
