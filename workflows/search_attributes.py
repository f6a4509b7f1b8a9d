"""The one registry of search attributes, shared by every workflow type.

SQL visibility has room for 10 Keywords, 3 Datetimes and 3 KeywordLists in a namespace, so states are Keywords
and nothing is registered that ops would not filter by. Ids only, never personal data: search attributes are
stored in plain text, outside of any payload codec.
"""

import json
from collections.abc import Mapping
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

STATUS = SearchAttributeKey.for_keyword("TicketStatus")
"""Not `Status`: Temporal has an attribute of that name of its own, refuses queries of ours, and the UI would show ours
where it says whether a workflow runs."""
TIER = SearchAttributeKey.for_keyword("Tier")
PRIORITY = SearchAttributeKey.for_keyword("Priority")
PLAN = SearchAttributeKey.for_keyword("Plan")
ACCOUNT = SearchAttributeKey.for_keyword("Account")
ASSIGNEE = SearchAttributeKey.for_keyword("Assignee")
SLA_STATE = SearchAttributeKey.for_keyword("SlaState")
WAITS_ON = SearchAttributeKey.for_keyword("WaitsOn")
REFS = SearchAttributeKey.for_keyword_list("Refs")
SLA_DEADLINE = SearchAttributeKey.for_datetime("SlaDeadline")
WAITS_SINCE = SearchAttributeKey.for_datetime("WaitsSince")

ATTRIBUTES: tuple[SearchAttributeKey, ...] = (  # type: ignore[type-arg]
    STATUS, TIER, PRIORITY, PLAN, ACCOUNT, ASSIGNEE, SLA_STATE, WAITS_ON, REFS, SLA_DEADLINE, WAITS_SINCE,
)  # fmt: skip
"""Everything that must exist in the namespace before a worker starts: an unregistered one stops the ticket."""

KEYWORD = 255
"""Bytes of JSON that a keyword may take, its quotes included: SQL visibility keeps 255 characters."""

Attributes = Mapping[SearchAttributeKey[Any], Any]


def keyword(text: str) -> str:
    """Cut `text` to what every visibility store takes: an oversized search attribute would stop the workflow.

    Ids are shorter than that; only letters beyond ASCII, which take six bytes and more, may be cut.
    """
    while len(json.dumps(text)) > KEYWORD:
        text = text[: len(text) * 3 // 4]
    return text


def at_start(values: Attributes) -> TypedSearchAttributes:
    """Make the values as they are set at the start of a workflow, which costs nothing."""
    pairs = [SearchAttributePair(key, value) for key, value in values.items() if value is not None]
    return TypedSearchAttributes(pairs)


def changes(known: TypedSearchAttributes, values: Attributes) -> list[SearchAttributeUpdate[Any]]:
    """Return what one upsert must set so that `known` becomes `values`."""
    updates: list[SearchAttributeUpdate[Any]] = []
    before = {pair.key: pair.value for pair in known}  # `known` itself would be searched from its start for each key
    for key, value in values.items():
        if before.get(key) != value:
            updates.append(key.value_unset() if value is None else key.value_set(value))
    return updates
