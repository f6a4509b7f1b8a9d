"""The Jira port: finding, reading, linking and checking, over real sockets."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.documents.document import Document, paragraph
from domain.tracker.snapshot import SupportComment
from integrations.calls import Rejected, Unknown
from integrations.jira import adf, adf_text
from integrations.jira.body import issue_body
from integrations.jira.client import JiraClient
from integrations.standins.common import Exchange
from integrations.standins.jira_state import ENGINEERS, US
from integrations.standins.run import PROJECT, Control, jira_config, served
from integrations.tracker.port import Issue, IssueRef, label_for
from tests.support.jira_side import CREATE, configured, engineer, issues, raw

from .conftest import Drafting


class TestFind:
    def test_the_oldest_comes_first_and_other_labels_do_not_come(self, jira: JiraClient, draft: Drafting) -> None:
        a_draft = draft()
        first, second = jira.create(a_draft), jira.create(a_draft)
        jira.create(draft())

        assert jira.find(a_draft.label) == [first, second]

    def test_a_new_issue_may_be_missing_from_search_but_not_from_read(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        server.fault("search_lag", seconds=600)
        ref = jira.create(a_draft)

        assert jira.find(a_draft.label) == []
        assert set(jira.read([ref.key])) == {ref.key}
        server.clear()
        assert jira.find(a_draft.label) == [ref]

    def test_an_issue_that_someone_cloned_with_its_labels_is_not_ours(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        clone = issue_body(jira_config(server.url), a_draft) | {"properties": []}
        assert raw(server, "POST", CREATE["path"], clone).status_code == 201
        ours = jira.create(a_draft)

        assert jira.find(a_draft.label) == [ours]

    def test_a_labelled_issue_without_proof_is_adopted_rather_than_doubled(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        unproven = issue_body(jira_config(server.url), a_draft) | {"properties": []}
        key = raw(server, "POST", CREATE["path"], unproven).json()["key"]

        assert [ref.key for ref in jira.find(a_draft.label)] == [key]

    def test_more_hits_than_a_page_holds_all_come(self, jira: JiraClient, draft: Drafting) -> None:
        a_draft = draft()
        made = [jira.create(a_draft) for _ in range(55)]

        assert jira.find(a_draft.label) == made

    def test_a_label_cannot_break_out_of_the_query(self, jira: JiraClient, draft: Drafting) -> None:
        jira.create(draft())

        assert jira.find('x" OR project = "ENG') == []

    def test_two_effects_never_share_a_label(self) -> None:
        keys = ["ticket-A:jira_bug:1", "ticket-A:jira_bug:11", "ticket-A1:jira_bug:1", "ticket-A:jira-bug:1"]

        assert len({label_for(key) for key in keys}) == len(keys)


class TestRead:
    def test_an_issue_is_followed_from_new_to_done_and_back(self, jira: JiraClient, draft: Drafting) -> None:
        ref = jira.create(draft())

        new = read(jira, ref)
        engineer(ref, to="In Progress", assignee=ENGINEERS[0].id)
        started = read(jira, ref)
        engineer(ref, to="Done", resolution="Won't Do", fix_version="2026.11.3")
        done = read(jira, ref)
        engineer(ref, to="To Do")
        reopened = read(jira, ref)

        assert (new.key, new.id, new.url) == (ref.key, ref.id, ref.url)
        assert (new.status, new.category, new.resolution, new.assignee) == ("To Do", "new", None, None)
        assert (started.status, started.category) == ("In Progress", "indeterminate")
        assert (started.assignee, started.assignee_name) == (ENGINEERS[0].id, ENGINEERS[0].name)
        assert (done.category, done.resolution) == ("done", "Won't Do")
        assert done.fix_versions == ("2026.11.3",)
        assert (reopened.category, reopened.resolution) == ("new", None)
        assert new.version <= started.version <= done.version <= reopened.version

    def test_f10_the_first_release_date_of_its_fix_versions_comes_with_it(
        self, jira: JiraClient, draft: Drafting
    ) -> None:
        ref = jira.create(draft())
        engineer(ref, fix_version="2026.12")
        undated = read(jira, ref)
        engineer(ref, fix_version="2026.12", release_date="2026-12-18")
        dated = read(jira, ref)
        engineer(ref, release_date="2027-01-08")  # a change of the version, and not of the issue
        moved = read(jira, ref)

        assert (undated.fix_versions, undated.release_date) == (("2026.12",), None)
        assert (dated.release_date, moved.release_date) == (date(2026, 12, 18), date(2027, 1, 8))
        assert moved.version == dated.version

    def test_only_comments_marked_for_support_come_oldest_first(self, jira: JiraClient, draft: Drafting) -> None:
        ref = jira.create(draft())
        assert read(jira, ref).comments == ()

        engineer(ref, comment="first answer", support="1")
        engineer(ref, comment="between us: see #support for the mess")
        engineer(ref, comment="Fixed.\nShips on Friday.", support="1")
        engineer(ref, comment="#supporting this was hard")

        assert [comment.text for comment in read(jira, ref).comments] == ["first answer", "Fixed.\nShips on Friday."]

    def test_g12_what_an_automation_rule_says_is_no_engineers_word(self, jira: JiraClient, draft: Drafting) -> None:
        ref = jira.create(draft())
        engineer(ref, comment="Deployed.", support="1", by_rule="1", to="In Progress")
        engineer(ref, comment="It works now.", support="1")
        state = read(jira, ref)
        assert [(comment.text, comment.machine) for comment in state.comments] == [
            ("Deployed.", True),
            ("It works now.", False),
        ]
        assert state.category == "indeterminate"  # a status is a fact, whoever set it

    def test_an_edited_comment_keeps_its_number(self, jira: JiraClient, server: Control, draft: Drafting) -> None:
        ref = jira.create(draft())
        engineer(ref, comment="Soon.", support="1")
        (before,) = read(jira, ref).comments
        words = adf.render(Document(blocks=(paragraph("#support On Friday."),)))

        answer = raw(server, "PUT", f"/rest/api/3/issue/{ref.key}/comment/{before.id}", {"body": words})

        assert answer.status_code == 200
        assert read(jira, ref).comments == (SupportComment(id=before.id, text="On Friday."),)

    def test_of_many_comments_the_latest_are_asked_for(self, jira: JiraClient, draft: Drafting) -> None:
        """Jira gives only the oldest ones along with an issue."""
        ref = jira.create(draft())
        for number in range(25):
            engineer(ref, comment=f"word {number}", support="1")

        assert [comment.text for comment in read(jira, ref).comments][-1] == "word 24"

    def test_what_engineering_took_for_a_duplicate_names_the_other_issue(
        self, jira: JiraClient, draft: Drafting
    ) -> None:
        first, second = jira.create(draft()), jira.create(draft())

        engineer(second, to="Done", resolution="Duplicate", duplicate_of=first.key)

        assert read(jira, second).duplicate_of == first.key
        assert read(jira, first).duplicate_of is None

    def test_an_issue_that_moved_is_found_by_its_number_under_its_new_key(
        self, jira: JiraClient, draft: Drafting
    ) -> None:
        ref = jira.create(draft())
        engineer(ref, project="WEB")

        moved = jira.read([ref.id])[ref.id]

        assert moved is not None
        assert moved.key.startswith("WEB-")
        assert moved.id == ref.id

    def test_a_deleted_issue_is_none_and_spoils_nothing(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        kept, gone = jira.create(draft()), jira.create(draft())
        assert raw(server, "DELETE", f"/rest/api/3/issue/{gone.key}").status_code == 204

        states = jira.read([kept.id, gone.id, f"{PROJECT}-99999"])

        assert {name for name, state in states.items() if state} == {kept.id}
        assert set(states) == {kept.id, gone.id, f"{PROJECT}-99999"}

    def test_many_issues_cost_one_request_per_hundred(
        self, jira: JiraClient, draft: Drafting, exchanges: list[Exchange]
    ) -> None:
        keys = [jira.create(draft()).key for _ in range(120)]
        before = len(exchanges)

        states = jira.read(keys)

        assert set(states) == set(keys)
        assert len(exchanges) - before == 2

    def test_nothing_to_read_asks_nobody(self, jira: JiraClient, exchanges: list[Exchange]) -> None:
        before = len(exchanges)

        assert jira.read([]) == {}
        assert jira.read(["../../secret", "not a key"]) == {}
        assert len(exchanges) == before

    def test_an_issue_in_another_form_spoils_no_other_and_counts_as_neither_there_nor_gone(self) -> None:
        with a_jira_that_answers({"issues": [{"id": "1", "key": "ENG-1", "fields": {}}, BEAN]}) as jira:
            states = jira.read(["1", "2", "3"])

        assert states["2"] is not None
        assert states["2"].status == "To Do"
        assert "1" not in states
        assert states["3"] is None

    def test_what_jira_could_not_read_just_now_is_not_gone(self) -> None:
        """It says so of issues that are too large, or whose server is slow."""
        with a_jira_that_answers({"issues": [BEAN], "issueErrors": [{"id": "3", "errorMessage": "Timeout"}]}) as jira:
            assert set(jira.read(["2", "3"])) == {"2"}

    def test_our_own_account_is_known_by_its_id(self, jira: JiraClient) -> None:
        assert jira.account() == US.id


class TestComment:
    """That a comment is said once is for its activity to see to (`test_jira_activities`); here it is found again."""

    KEY = "ticket-7k2m:jira_comment:31"

    @pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
    def test_a_comment_whose_answer_was_lost_is_found(
        self, jira: JiraClient, server: Control, draft: Drafting, fault: str
    ) -> None:
        ref = jira.create(draft())
        assert not jira.has_comment(ref.key, self.KEY)
        server.fault(fault, method="POST", path="*/comment", times=1)
        with pytest.raises(Unknown):
            jira.comment(ref.key, self.KEY, WORDS)

        assert said(server, ref) == [f"Also in Safari.\n{label_for(self.KEY)}"]
        assert jira.has_comment(ref.key, self.KEY)

    def test_it_is_found_however_many_came_later(
        self, jira: JiraClient, server: Control, draft: Drafting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.jira.client._AT_ONCE", 2)
        ref = jira.create(draft())
        jira.comment(ref.key, self.KEY, WORDS)
        for number in range(21):
            engineer(ref, comment=f"word {number}")

        assert jira.has_comment(ref.key, self.KEY), "on the eleventh page"

    def test_a_comment_of_another_effect_with_the_same_words_is_another(
        self, jira: JiraClient, draft: Drafting
    ) -> None:
        ref = jira.create(draft())
        jira.comment(ref.key, self.KEY, WORDS)
        assert not jira.has_comment(ref.key, "ticket-7k2m:jira_comment:32")

    def test_whoever_quotes_the_proof_says_it_in_vain(self, jira: JiraClient, draft: Drafting) -> None:
        ref = jira.create(draft())
        engineer(ref, comment=f"{label_for(self.KEY)} is what it ends with. Why?")
        assert not jira.has_comment(ref.key, self.KEY)

    def test_the_longest_text_keeps_its_proof(self, jira: JiraClient, server: Control, draft: Drafting) -> None:
        ref = jira.create(draft())
        jira.comment(ref.key, self.KEY, Document(blocks=(paragraph("a\n" * 10_000),)))
        assert jira.has_comment(ref.key, self.KEY)


BEAN = {
    "id": "2",
    "key": "ENG-2",
    "fields": {
        "status": {"name": "To Do", "statusCategory": {"key": "new"}},
        "updated": "2026-11-23T09:00:00.000+0000",
    },
}


@contextmanager
def a_jira_that_answers(answer: object) -> Iterator[JiraClient]:
    """One that says the same to everything."""

    async def say(_: Request) -> Response:
        return JSONResponse(answer)

    app = Starlette(routes=[Route("/{path:path}", say, methods=["GET", "POST"])])
    with served(app) as url, closing(JiraClient(jira_config(url))) as jira:
        yield jira


WORDS = Document(blocks=(paragraph("Also in Safari."),))


def read(jira: JiraClient, ref: IssueRef) -> Issue:
    """The issue as it is."""
    state = jira.read([ref.key])[ref.key]
    assert state is not None
    return state


def said(server: Control, ref: IssueRef) -> list[str]:
    """The words of all comments on an issue."""
    (issue,) = [issue for issue in server.see("issues")["issues"] if issue["key"] == ref.key]
    return [adf_text.to_text(comment["body"]) for comment in issue["comments"]]


class TestLinkBack:
    def test_linking_twice_leaves_one_link_with_the_latest_title(
        self, jira: JiraClient, server: Control, draft: Drafting
    ) -> None:
        a_draft = draft()
        ref = jira.create(a_draft)

        jira.link_back(ref.key, "tierline:7K2M", "https://tickets.example.com/7K2M", "Ticket 7K2M")
        jira.link_back(ref.key, "tierline:7K2M", "https://tickets.example.com/7K2M", "Ticket 7K2M: solved")
        jira.link_back(ref.key, "tierline:9P3Q", "https://tickets.example.com/9P3Q", "Ticket 9P3Q")

        links = issues(server, a_draft)[0]["links"]
        assert [(link["global_id"], link["title"]) for link in links] == [
            ("tierline:7K2M", "Ticket 7K2M: solved"),
            ("tierline:9P3Q", "Ticket 9P3Q"),
        ]

    def test_an_issue_that_is_gone_is_refused_with_404(self, jira: JiraClient) -> None:
        with pytest.raises(Rejected) as refusal:
            jira.link_back(f"{PROJECT}-99999", "g", "https://tickets.example.com/1", "t")

        assert refusal.value.status == 404

    def test_a_key_that_is_none_reaches_no_address(self, jira: JiraClient, exchanges: list[Exchange]) -> None:
        before = len(exchanges)

        with pytest.raises(Rejected, match="not an issue key"):
            jira.link_back("../../myself", "g", "https://tickets.example.com/1", "t")

        assert len(exchanges) == before


class TestCheck:
    def test_a_fitting_configuration_lacks_nothing(self, jira: JiraClient) -> None:
        assert jira.check() == []

    def test_every_name_that_the_project_lacks_is_told(self, server: Control) -> None:
        config = configured(
            server,
            issue_types={"request": "Wish", "incident": "Bug", "review": "Bug", "action": "Bug"},
            priorities={"P0": "Blocker"},
            components={"*": ["Dashboard", "Billing"], "reports": ["Report"]},
            fields={"bug": {"customfield_10050": {"value": "Support"}, "customfield_1": 7}},
        )

        with closing(JiraClient(config)) as jira:
            told = jira.check()

        assert told == [
            "issue type 'Bug' has no field 'customfield_1' on its create screen",
            "issue type 'Bug' has no priority 'Blocker' (for P0), only High, Highest, Low, Lowest, Medium",
            "issue type 'Bug' has no component 'Report', only API, Billing, Dashboard, Reports",
            "issue type 'Bug' has no value 'Support' for customfield_10050, only Customer, Monitoring",
            "project ENG has no issue type 'Wish', only Bug, Incident, Story, Task",
        ]

    def test_a_board_that_is_not_there_is_told(self, server: Control) -> None:
        with closing(JiraClient(configured(server, sprint=["P2"], board=1))) as jira:
            assert jira.check() == []
        with closing(JiraClient(configured(server, sprint=["P2"], board=9))) as jira:
            (told,) = jira.check()

        assert told.startswith("board 9 cannot be used: Jira answered 404")

    def test_a_project_that_is_not_there_is_told(self, server: Control) -> None:
        config = jira_config(server.url).model_copy(update={"project": "NOPE"})

        with closing(JiraClient(config)) as jira:
            (told,) = jira.check()

        assert told.startswith("project NOPE cannot be used: Jira answered 400")
