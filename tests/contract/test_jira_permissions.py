"""What Jira refuses for a lacking permission or a security level: shown to a person, and it blocks nothing else."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from temporalio.exceptions import ApplicationError

from activities.tracker.links import PROPERTY
from integrations.calls import Unauthorized
from integrations.jira.body import issue_body
from integrations.jira.client import JiraClient
from integrations.standins.jira_site import BLOCKS
from integrations.standins.run import Control
from tests.support.jira_rig import JiraActivityRig
from tests.support.jira_side import CREATE, issues, raw

from .conftest import Drafting


@pytest.fixture
def bench(server: Control, database_url: str) -> Iterator[JiraActivityRig]:
    server.site()
    with closing(JiraActivityRig(server, database_url)) as made:
        yield made
    server.site()


@pytest.mark.parametrize(
    ("permission", "told"),
    [
        ("ADD_COMMENTS", "say on issues that they were seen again"),
        ("EDIT_ISSUES", "count linked tickets on issues"),
        ("LINK_ISSUES", "link issues back to their tickets"),
    ],
)
def test_f4_a_link_does_all_that_the_account_may_do_and_ops_hear_of_the_rest(
    bench: JiraActivityRig, draft: Drafting, permission: str, told: str
) -> None:
    a_draft = draft()
    made = bench.make(a_draft)
    bench.server.site(without=[permission])
    for name in ("1", "2"):
        assert bench.link(bench.journalled(name), made.key).key == made.key

    (issue,) = issues(bench.server, a_draft)
    done = {"ADD_COMMENTS": len(issue["comments"]), "EDIT_ISSUES": int(PROPERTY in issue["properties"])}
    done["LINK_ISSUES"] = len(issue["links"]) - 1
    assert [name for name, times in done.items() if not times] == [permission]
    (said,) = bench.told()
    assert said.startswith(f"Tierline's account may not {told}")


def test_an_issue_is_edited_only_with_the_permission(server: Control, jira: JiraClient, draft: Drafting) -> None:
    made = jira.create(draft())
    server.site(without=["EDIT_ISSUES"])
    fields = {"fields": {"priority": {"name": "High"}}}
    assert raw(server, "PUT", f"/rest/api/3/issue/{made.key}", fields).status_code == 403
    server.site()
    assert raw(server, "PUT", f"/rest/api/3/issue/{made.key}", fields).status_code == 204


def test_an_issue_without_its_way_back_is_told_to_ops_once_a_day(bench: JiraActivityRig, draft: Drafting) -> None:
    bench.server.site(without=["LINK_ISSUES"])
    for _ in range(2):
        made = bench.make(draft())
    (told,) = bench.told()
    assert told.startswith(f"issue {made.key} has no link to ticket-a (Jira answered 403")


def test_an_issue_that_a_security_level_hides_from_us_is_told_and_its_ticket_goes_on(
    bench: JiraActivityRig, draft: Drafting
) -> None:
    bench.server.site(secured=True)
    made = bench.make(draft())
    (told,) = bench.told()
    assert told.startswith(f"issue {made.key} has no link to ticket-a (Jira answered 404")
    assert "do not have permission to see it" in told
    assert bench.jira.read([made.key]) == {made.key: None}
    with pytest.raises(ApplicationError, match=f"there is no issue {made.key}, or our account may not see it"):
        bench.link(bench.journalled("1"), made.key)


@pytest.mark.parametrize(
    ("site", "linked", "commented"),
    [
        ({"without": ["LINK_ISSUES"]}, False, True),
        ({"link_types": [BLOCKS.model_dump()]}, False, True),
        ({"without": ["ADD_COMMENTS"]}, True, False),
        ({"without": ["LINK_ISSUES", "ADD_COMMENTS"]}, False, False),
    ],
)
def test_a_twin_is_marked_as_far_as_we_may_and_ops_hear_what_was_refused(
    bench: JiraActivityRig, draft: Drafting, site: dict[str, object], linked: bool, commented: bool
) -> None:
    a_draft = draft()
    kept = bench.make(a_draft).key
    bench.sql("UPDATE jira_links SET twins_due = now()")
    twin = raw(bench.server, "POST", CREATE["path"], issue_body(bench.config, a_draft)).json()["key"]
    bench.server.site(**site)

    assert bench.look_for_twins().twins == 1

    (marked,) = [issue for issue in issues(bench.server, a_draft) if issue["key"] == twin]
    assert (marked["duplicate_of"] == kept, bool(marked["comments"])) == (linked, commented)
    (told,) = bench.told()
    assert "Jira refused what would say so there" in told


def test_a_forbidden_link_of_a_twin_does_not_stop_its_comment(
    bench: JiraActivityRig, draft: Drafting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jira documents 404 for it, and does not always keep to that."""

    def forbidden(*_: str) -> None:
        raise Unauthorized("Jira answered 403", 403)

    monkeypatch.setattr(bench.jira, "link_duplicate", forbidden)
    a_draft = draft()
    bench.make(a_draft)
    bench.sql("UPDATE jira_links SET twins_due = now()")
    twin = raw(bench.server, "POST", CREATE["path"], issue_body(bench.config, a_draft)).json()["key"]
    assert bench.look_for_twins().twins == 1
    (marked,) = [issue for issue in issues(bench.server, a_draft) if issue["key"] == twin]
    assert len(marked["comments"]) == 1


def test_create_metadata_is_read_beyond_its_first_page(server: Control, jira: JiraClient) -> None:
    server.site(page=1, required=["customfield_10050"])
    try:
        assert "Found by" in str(jira.check()), "what is required stands on the last of nine pages"
    finally:
        server.site()
