"""The one registry of search attributes, shared by every workflow type.

SQL visibility has room for 10 Keywords, 3 Datetimes and 3 KeywordLists in a namespace, so states are Keywords
and nothing is registered that ops would not filter by. Ids only, never personal data: search attributes are
stored in plain text, outside of any payload codec.
"""

from temporalio.common import SearchAttributeKey

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
