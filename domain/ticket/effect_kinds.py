"""The kinds of effects that a ticket has, each grouped once. Their words are stored: they keep their spelling."""

from typing import Literal, get_args

from domain.aggregate.effect import kind_in

MakesIssue = Literal["jira_bug", "jira_request"]
"""Make an issue on the tracker: a bug, or a request."""
ForIssue = Literal[MakesIssue, "jira_link"]
"""Bring the ticket an issue: a new one, or one that is there already (`jira_link`)."""
JoinsIncident = Literal["incident", "incident_own", "incident_if_open"]
"""Make the ticket part of an incident: of its area's, of one of its own, or only of one that is open."""
EffectKind = Literal[ForIssue, "jira_comment", "jira_priority", JoinsIncident, "tell_incident", "terms"]
"""`jira_comment` says something on the issue, `jira_priority` raises it with its ticket, `tell_incident` notifies the
incident of a change of the ticket, `terms` looks further ahead in the calendar."""

ISSUE: tuple[ForIssue, ...] = get_args(ForIssue)
JOINING: tuple[JoinsIncident, ...] = get_args(JoinsIncident)
ON_TRACKER: tuple[EffectKind, ...] = (*ISSUE, "jira_comment", "jira_priority")
"""The effects that wait for the issue tracker."""

IN_WORDS: dict[str, str] = {
    "jira_bug": "bug report",
    "jira_request": "request to engineering",
    "jira_link": "link to an issue",
    "jira_comment": "comment on the issue",
    "jira_priority": "new priority of the issue",
    "incident": "joining the incident of its area",
    "incident_own": "opening an incident of its own",
    "incident_if_open": "joining an open incident",
    "tell_incident": "notifying the incident",
    "terms": "looking further ahead in the calendar",
}
"""Each kind, as people read it."""


def in_words(key: str) -> str:
    """Return what the effect `key` does, for a person: `bug report` of `ticket-<id>:jira_bug:13`."""
    return IN_WORDS.get(kind_in(key), key)
