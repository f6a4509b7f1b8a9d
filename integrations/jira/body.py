"""An issue of ours in Jira's words, and what stands between it and a project's create screens. Pure."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from domain.core.enums import Priority
from domain.documents.document import Document, paragraph
from domain.policy.tracker import TrackerRow
from integrations.jira import adf
from integrations.jira.config import JiraConfig
from integrations.tracker.port import IssueDraft, Kind

Json = dict[str, Any]

PROPERTY = "support.escalation"
"""The issue property that proves which effect an issue was made for. Labels can be typed by anyone, and are
copied when an issue is cloned."""

INTERNAL: Json = {"key": "sd.public.comment", "value": {"internal": True}}
"""The property of a comment that keeps it from a service project's customers. In other projects it says nothing."""

RAISED = "support.raised"
"""The issue property that proves for which effect an issue was raised last."""

NEEDED = frozenset({"project", "issuetype", "summary", "description", "labels"})
"""Fields without which an issue is not made: the label finds it again."""


def issue_body(config: JiraConfig, draft: IssueDraft, without: frozenset[str] = frozenset()) -> Json:
    """Return the body of POST /issue: label and property travel in the same request, so there is no issue without them.

    `without` leaves out fields that only the configuration asks for.
    """
    rules = config.rules
    fields: Json = {
        "project": {"key": config.project},
        "issuetype": {"name": rules.issue_type(draft.kind)},
        "summary": draft.summary,
        "description": adf.render(draft.description),
        "labels": [draft.label, *draft.labels, *([draft.fingerprint] if draft.fingerprint else [])],
        "priority": {"name": rules.priority(draft.priority)},
    }
    if draft.environment:
        fields["environment"] = adf.render(Document(blocks=(paragraph(draft.environment),)))
    if components := rules.components_for(draft.product_area):
        fields["components"] = [{"name": name} for name in components]
    fields |= rules.fields.get(draft.kind, {})
    dropped = without | set(rules.leave_out)
    kept = {name: value for name, value in fields.items() if name not in dropped}
    return {"fields": kept, "properties": [proof_of(draft.key)]}


def proof_of(key: str) -> Json:
    """Return what proves the effect that something was made for."""
    return {"key": PROPERTY, "value": {"key": key, "schema": 1}}


def raised_body(rules: TrackerRow, key: str, priority: Priority) -> Json:
    """Return the body of PUT /issue/{key} that raises an issue, with what proves the effect that it was raised for."""
    proof = proof_of(key) | {"key": RAISED}
    return {"fields": {"priority": {"name": rules.priority(priority)}}, "properties": [proof]}


def is_raised(rules: TrackerRow, found: Json, key: str, priority: Priority) -> bool:
    """Return whether an issue is to stay as it is: it was raised for the effect `key`, is as urgent already, or has a
    priority that the policy does not name, which is engineering's own. Raises what `_understood` expects of a wrong
    shape."""
    if ((found.get("properties") or {}).get(RAISED) or {}).get("key") == key:
        return True
    given = found["fields"].get("priority")
    ranks = {rules.priority(rank): rank for rank in reversed(Priority)}
    return given is not None and (given["name"] not in ranks or ranks[given["name"]] <= priority)


def optional_in(body: Json) -> frozenset[str]:
    """Return the fields of a body without which the issue can be made all the same."""
    return frozenset(body["fields"]) - NEEDED


def misfits(rules: TrackerRow, type_name: str, kinds: Collection[Kind], screen: dict[str, Json]) -> list[str]:
    """Return what stands between our bodies and the create screen of one issue type. One sentence each."""
    extra = {name for kind in kinds for name in rules.fields.get(kind, {})}
    sent = (NEEDED | {"priority", "environment"} | extra) - set(rules.leave_out)
    if rules.components:
        sent |= {"components"}
    reasons = [
        f"issue type {type_name!r} requires {field.get('name')!r} ({key}), which Tierline does not send"
        for key, field in screen.items()
        if field.get("required") and not field.get("hasDefaultValue") and key not in sent | {"reporter"}
    ]
    reasons += [
        f"issue type {type_name!r} has no field {key!r} on its create screen"
        for key in sorted(sent - {"project", "issuetype"})
        if key not in screen
    ]
    if "priority" in sent:
        named = {
            rules.priority(priority): f"priority {rules.priority(priority)!r} (for {priority.value})"
            for priority in reversed(Priority)
        }
        reasons += _not_allowed(type_name, named, screen.get("priority", {}))
    components = {name: f"component {name!r}" for names in rules.components.values() for name in names}
    reasons += _not_allowed(type_name, components, screen.get("components", {}))
    for name, chosen in _choices(rules, kinds):
        reasons += _not_allowed(type_name, {chosen: f"value {chosen!r} for {name}"}, screen.get(name, {}))
    return reasons


def _choices(rules: TrackerRow, kinds: Iterable[Kind]) -> Iterator[tuple[str, str]]:
    """Yield the configured fields that choose one of several values, each with its choice."""
    for kind in kinds:
        for name, value in rules.fields.get(kind, {}).items():
            if isinstance(value, dict) and (chosen := value.get("value") or value.get("name")):
                yield name, str(chosen)


def _not_allowed(type_name: str, named: dict[str, str], field: Json) -> list[str]:
    """Return the names that a field does not take, each as it is to be called."""
    allowed = {str(value.get("name") or value.get("value")) for value in field.get("allowedValues") or ()}
    choice = ", ".join(sorted(allowed))
    return [
        f"issue type {type_name!r} has no {called}, only {choice}"
        for name, called in named.items()
        if allowed and name not in allowed
    ]
