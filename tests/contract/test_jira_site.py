"""A Jira site that is set up in another way than a new one: permissions, links, projects, resolutions, addresses."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from domain.documents.document import Document, paragraph
from integrations.calls import Rejected, Unauthorized, Unknown
from integrations.jira.client import JiraClient
from integrations.standins.jira_site import BLOCKS, DUPLICATE, PERMISSIONS, RELATES
from integrations.standins.run import Control
from tests.support.jira_side import configured, issues, raw

from .conftest import Drafting

SAID = Document(blocks=(paragraph("Seen again."),))


@pytest.fixture(autouse=True)
def _as_new(server: Control) -> Any:
    yield
    server.site()


def missing(server: Control, **rules: object) -> list[str]:
    with closing(JiraClient(configured(server, **rules))) as client:
        return client.check()


@pytest.mark.parametrize("key", [key for key in PERMISSIONS if key != "SCHEDULE_ISSUES"])
def test_every_permission_that_is_lacking_is_named(server: Control, key: str) -> None:
    server.site(without=[key])
    told = [sentence for sentence in missing(server) if "lacks" in sentence]
    assert len(told) == 1
    assert PERMISSIONS[key].casefold() in told[0].casefold()


def test_the_sprint_needs_a_permission_of_its_own_and_other_projects_need_theirs(server: Control) -> None:
    server.site(without=["SCHEDULE_ISSUES"])
    assert missing(server, also_link=["WEB"]) == []
    assert any("'Schedule issues'" in one for one in missing(server, board=1, sprint=["P2"]))
    server.site(projects=[])
    (told,) = missing(server, also_link=["WEB"])
    assert told.startswith("project WEB cannot be seen: Jira answered 404")


def test_an_issue_is_found_although_a_project_of_also_link_is_gone(server: Control, draft: Drafting) -> None:
    server.site(projects=[])
    with closing(JiraClient(configured(server, also_link=["WEB"]))) as jira:
        a_draft = draft(fingerprint="tierline-fp-gone")
        made = jira.create(a_draft)
        assert [one.key for one in jira.find(a_draft.label)] == [made.key]
        assert [one.key for one in jira.similar("tierline-fp-gone")] == [made.key]


def test_where_our_own_project_cannot_be_searched_nothing_is_known(server: Control) -> None:
    config = configured(server).model_copy(update={"project": "GONE"})
    with closing(JiraClient(config)) as jira, pytest.raises(Unknown, match="project GONE cannot be searched"):
        jira.find("tierline-x")


def test_links_are_made_under_whatever_name_the_site_has_for_them(
    server: Control, jira: JiraClient, draft: Drafting
) -> None:
    duplicate = {"id": DUPLICATE.id, "name": "Duplikat", "inward": "wird dupliziert von", "outward": "dupliziert"}
    relation = {"id": RELATES.id, "name": "Bezug", "inward": "bezieht sich auf", "outward": "bezieht sich auf"}
    server.site(link_types=[BLOCKS.model_dump(), duplicate, relation])
    one, other = draft(), draft()
    first, second = jira.create(one), jira.create(other)
    jira.link_duplicate(second.key, first.key)
    jira.relate(second.key, first.key)
    (made,) = issues(server, other)
    assert (made["duplicate_of"], made["relates"]) == (first.key, [first.key])
    assert jira.advice() == []


def test_a_site_without_a_kind_of_link_is_told_and_the_link_is_refused(
    server: Control, jira: JiraClient, draft: Drafting
) -> None:
    server.site(link_types=[BLOCKS.model_dump()])
    one, other = jira.create(draft()), jira.create(draft())
    for act, says in ((jira.link_duplicate, "duplicates"), (jira.relate, "relates to")):
        with pytest.raises(Rejected, match=f"no kind of link that says '{says}'"):
            act(one.key, other.key)
    assert [says in one for one, says in zip(jira.advice(), ("duplicates", "relates to"), strict=True)] == [True, True]


def test_a_transition_that_asks_for_a_resolution_gets_one(server: Control, jira: JiraClient, draft: Drafting) -> None:
    server.site(asks_resolution=True)
    a_draft = draft()
    made = jira.create(a_draft)
    refused = raw(server, "POST", f"/rest/api/3/issue/{made.key}/transitions", {"transition": {"id": "31"}})
    assert refused.status_code == 400
    assert jira.finish(made.key)
    assert issues(server, a_draft)[0]["resolution"] == "Fixed"


def test_without_the_permission_there_is_no_way_to_done(server: Control, jira: JiraClient, draft: Drafting) -> None:
    made = jira.create(draft())
    server.site(without=["TRANSITION_ISSUES"])
    assert jira.finish(made.key) is False


def test_comments_stay_inside_a_service_project_which_is_pointed_out(
    server: Control, jira: JiraClient, draft: Drafting
) -> None:
    server.site(service_project=True)
    a_draft = draft()
    made = jira.create(a_draft)
    jira.comment(made.key, "ticket-x:seen", SAID)
    (comment,) = issues(server, a_draft)[0]["comments"]
    assert comment["properties"]["sd.public.comment"] == {"internal": True}
    (told,) = jira.advice()
    assert "service project" in told


def test_calls_go_to_the_api_address_and_people_to_the_site(server: Control, draft: Drafting) -> None:
    config = configured(server).model_copy(update={"url": "https://example.atlassian.net", "api_url": server.url})
    with closing(JiraClient(config)) as jira:
        made = jira.create(draft())
        assert made.url == f"https://example.atlassian.net/browse/{made.key}"
        seen = jira.read([made.key])[made.key]
        assert seen is not None
        assert seen.url == made.url


def linked(jira: JiraClient, key: str) -> None:
    jira.link_back(key, "tierline:ticket-x", "https://tickets.example.com/x", "Ticket x")


@pytest.mark.parametrize(
    ("permission", "act"),
    [
        ("EDIT_ISSUES", lambda jira, key: jira.set_property(key, "support.seen", {"tickets": 1})),
        ("LINK_ISSUES", linked),
    ],
)
def test_a_lacking_permission_is_a_403_of_its_own_call(
    server: Control, jira: JiraClient, draft: Drafting, permission: str, act: Callable[[JiraClient, str], None]
) -> None:
    made = jira.create(draft())
    server.site(without=[permission])
    with pytest.raises(Unauthorized) as refused:
        act(jira, made.key)
    assert refused.value.status == 403


@pytest.mark.parametrize(("fault", "failure"), [("forbidden", Unauthorized), ("conflict", Unknown)])
def test_403_stops_and_409_is_looked_at_again(
    server: Control, jira: JiraClient, draft: Drafting, fault: str, failure: type[Exception]
) -> None:
    made = jira.create(draft())
    server.fault(fault, times=1)
    with pytest.raises(failure):
        jira.set_property(made.key, "support.seen", {"tickets": 1})
    jira.set_property(made.key, "support.seen", {"tickets": 1})


def test_what_the_site_bounds_is_refused(server: Control, jira: JiraClient, draft: Drafting) -> None:
    key = jira.create(draft()).key
    fields = {"project": {"key": "ENG"}, "issuetype": {"name": "Bug"}, "summary": "It broke"}
    link = {"object": {"url": "https://example.com", "title": "x"}}
    at, new = f"/rest/api/3/issue/{key}", "/rest/api/3/issue"
    calls: list[tuple[str, str, object]] = [
        ("POST", new, {"fields": fields | {"labels": ["x" * 256]}}),
        ("POST", new, {"fields": fields | {"labels": [""]}}),
        ("POST", new, {"fields": fields | {"priority": {"id": "1", "name": "Low"}}}),
        ("PUT", f"{at}/properties/{'x' * 256}", {}),
        ("PUT", f"{at}/properties/x", "x" * 33_000),
        ("POST", f"{at}/remotelink", {"object": {"url": "notaurl", "title": "x"}}),
        ("POST", f"{at}/remotelink", {"object": {"url": "https://example.com", "title": ""}}),
        ("POST", f"{at}/remotelink", link | {"globalId": "x" * 256}),
        ("POST", f"{at}/transitions", {"transition": {"id": "31"}, "fields": {"resolution": {"name": "Nope"}}}),
        ("POST", "/rest/api/3/issueLink", {
            "type": {"name": "Relates"}, "inwardIssue": {"key": key}, "outwardIssue": {"key": key}}),
        ("POST", "/rest/api/3/search/jql", {"jql": "project = ENG ORDER BY nonsense"}),
        ("POST", "/rest/api/3/search/jql", {"jql": "project = NOPE"}),
        ("POST", "/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": [key], "properties": list("abcdefghi")}),
    ]  # fmt: skip
    assert [raw(server, *call).status_code for call in calls] == [400] * len(calls)
    server.site(required=["customfield_10050"])
    assert raw(server, "POST", new, {"fields": fields}).json()["errors"] == {
        "customfield_10050": "Found by is required."
    }
