"""C7, F5: what is said of the linked issue is heard once, in any order, under every name that it has had."""

import itertools
from typing import Any

import pytest

from domain.core.enums import Tier, WaitsOn
from domain.ticket.rules import tracker_link as engineering
from domain.ticket.rules import tracker_link as issue
from services.reading.timeline import summary_of
from tests.support.durations import MINUTE
from tests.support.packages import T3_PACKAGE
from tests.support.ticket_case import at, done, in_jira, in_tier, kinds, word

FIXED = {"status": "Done", "resolution": "Fixed"}


# -- News, once --------------------------------------------------------------------------------------------------


def test_the_same_state_in_a_newer_version_is_no_news():
    case = in_jira()
    said = [word(1, "In 4.13.")]
    case.jira("10:00", "done", **FIXED, comments=said)
    assert case.jira("10:05", "done", **FIXED, comments=said) == []
    assert case.jira("10:06", "done", **FIXED) == []
    assert len(case.of("jira_changed")) == len(case.of("answered")) == 1


def test_without_the_look_at_what_is_known_the_same_state_would_be_told_again():
    """The negative control."""
    case = in_jira()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engineering, "_is_no_news", lambda *_: False)
        case.jira("10:00", "indeterminate", status="In Progress")
        case.jira("10:05", "indeterminate", status="In Progress")
    assert len(case.of("jira_changed")) == 2


@pytest.mark.parametrize(
    ("fact", "news"),
    [
        ({"category": "new"}, 0),
        ({"category": "new", "status": "To Do"}, 0),
        ({"category": "new", "status": "To Do", "assignee": "5b10"}, 1),
        ({"category": "new", "resolution": "Duplicate"}, 1),
        ({"category": "indeterminate"}, 1),
    ],
)
def test_the_first_look_at_an_issue_that_nobody_has_touched_is_no_news(fact: dict[str, str], news: int):
    """Whether the look comes before or after our own link to the ticket, which makes the issue newer."""
    case = in_jira()
    case.jira("10:00", **fact)
    assert len(case.of("jira_changed")) == news


@pytest.mark.parametrize(
    "change",
    [
        {"status": "In Review"},
        {"assignee": "5b10"},
        {"fix_versions": ["4.13"]},
        {"resolution": "Fixed"},
        {"duplicate_of": "SUP-7"},
    ],
)
def test_each_thing_that_engineering_says_is_news(change: dict[str, Any]):
    case = in_jira()
    case.jira("10:00", "indeterminate", status="In Progress")
    case.jira("10:05", "indeterminate", **{"status": "In Progress"} | change)
    assert len(case.of("jira_changed")) == 2
    (name, value) = next(iter(change.items()))
    assert getattr(case.ticket.issue, name) == (tuple(value) if isinstance(value, list) else value)


def test_an_engineers_name_is_a_text_that_can_be_erased_and_the_account_id_stays():
    case = in_jira()
    case.jira("10:00", "indeterminate", assignee="5b10", assignee_name="Grace")
    assert case.last("jira_changed").assignee == "5b10"
    assert case.of("jira_changed")[-1].texts == {"assignee": "Grace"}
    assert "Grace" not in case.ticket.model_dump_json()


def test_an_issue_that_goes_back_to_its_first_column_is_news():
    case = in_jira()
    case.jira("10:00", "indeterminate", status="In Progress")
    case.jira("10:05", "new", status="To Do")
    assert case.ticket.issue.category == "new"


def test_four_looks_in_any_order_leave_the_latest_and_bring_the_ticket_back_once():
    looks = [
        ("10:00", "indeterminate", {"status": "In Progress"}),
        ("10:10", "indeterminate", {"status": "In Review", "comments": [word(1, "Found it.")]}),
        ("10:20", "done", FIXED | {"comments": [word(1, "Found it."), word(2, "Ships on Friday.")]}),
        ("10:20", "done", FIXED | {"comments": [word(1, "Found it."), word(2, "Ships on Friday.")]}),
    ]
    for order in itertools.permutations(looks):
        case = in_jira()
        for moment, category, fact in order:
            case.jira("10:30", category, version=at(moment), **fact)
        assert (case.ticket.issue.status, case.ticket.tier) == ("Done", Tier.T2)
        assert len(case.of("answered")) == 1
        assert sorted(case.ticket.issue.heard) == ["20001", "20002"]
        assert len(case.of("engineering_said")) == 2


# -- An issue that speaks early ------------------------------------------------------------------------------------


def test_an_issue_may_speak_before_the_effect_that_made_it_has_reported_back():
    case = in_tier("T3")
    case.jira("10:00", "indeterminate", status="In Progress", url="https://jira.example/SUP-1")
    assert case.ticket.issue.key == "SUP-1"
    done(case, at="10:01", jira_key="SUP-1", jira_url="https://jira.example/SUP-1")
    assert (case.ticket.issue.status, case.ticket.pending_effects) == ("In Progress", ())


def test_its_first_word_may_be_a_comment():
    case = in_tier("T3")
    case.jira("10:00", "new", status="To Do", comments=[word(1, "We see it.")])
    assert (len(case.of("engineering_said")), case.ticket.issue.key) == (1, "SUP-1")


def test_a_ticket_that_asked_for_no_issue_hears_of_none():
    assert in_tier("T2").jira("10:00", "done") == []


def test_after_a_second_escalation_the_new_issue_is_heard_and_the_old_one_no_longer():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("escalate", at="10:10", by="tom", fields=T3_PACKAGE)
    case.jira("10:11", "indeterminate", key="SUP-2", status="In Progress")
    assert case.ticket.issue.key == "SUP-2"
    assert case.jira("10:12", "new", key="SUP-1") == []
    done(case, at="10:13", jira_key="SUP-2")
    assert case.jira("10:14", "done", key="SUP-3", **FIXED) == []


def test_a_comment_on_its_way_is_no_issue_on_its_way():
    case = in_jira()
    case.do("tell_engineering", at="10:00", by="tom", text="In Safari too.")
    case.jira("10:01", "done", **FIXED)
    assert case.jira("10:02", "indeterminate", key="SUP-2") == []


def test_of_the_same_version_only_comments_are_news():
    case = in_jira()
    case.jira("10:00", "indeterminate", status="In Progress")
    assert case.jira("10:05", "done", version=at("10:00"), **FIXED) == []


# -- Comments for support ----------------------------------------------------------------------------------------


def test_each_comment_is_heard_once_by_its_id_and_an_edit_is_a_new_word():
    case = in_jira()
    case.jira("10:00", "new", comments=[word(1, "We see it.")])
    case.jira("10:05", "new", comments=[word(1, "We see it."), word(2, "Nearly there.")])
    case.jira("10:06", "new", comments=[word(1, "We see it, in 4.12 only."), word(2, "Nearly there.")])
    heard = [(event.texts["comment"], event.body.edited) for event in case.of("engineering_said")]
    assert heard == [("We see it.", False), ("Nearly there.", False), ("We see it, in 4.12 only.", True)]
    assert case.of("jira_changed") == []


def test_an_edit_is_heard_though_jiras_time_of_change_stood_still():
    case = in_jira()
    case.jira("10:00", "indeterminate", comments=[word(1, "Soon.")])
    case.jira("10:05", "indeterminate", version=at("10:00"), comments=[word(1, "On Friday.")])
    assert case.of("engineering_said")[-1].texts == {"comment": "On Friday."}


def test_the_latest_comments_are_remembered_by_their_numbers_and_no_more_than_a_bound():
    case = in_jira()
    for start in range(0, issue.HEARD + 50, 50):
        words = [{"id": str(9_900 + start + place), "text": "Soon."} for place in range(50)]
        case.jira("10:00", "new", version=at("10:00"), comments=words)
    remembered = [int(number) for number in case.ticket.issue.heard]
    assert remembered == list(range(9_950, 9_950 + issue.HEARD))


def test_where_the_latest_words_and_the_name_of_who_works_on_it_stand():
    case = in_jira()
    case.jira("10:00", "indeterminate", assignee="5b10", assignee_name="Grace", comments=[word(1, "We see it.")])
    changed, said = case.of("jira_changed")[-1], case.of("engineering_said")[-1]
    assert case.ticket.issue.assignee_ref == f"{changed.seq}.assignee"
    assert case.ticket.issue.said_ref == f"{said.seq}.comment"
    case.jira("10:05", "indeterminate")
    assert (case.ticket.issue.assignee, case.ticket.issue.assignee_ref) == (None, None)
    assert case.ticket.issue.url == "https://jira.example/SUP-1"  # no fact said otherwise


def test_g12_a_word_of_an_app_is_kept_and_is_not_engineerings():
    case = in_jira()
    case.jira("10:00", "new", comments=[word(1, "We see it.")])
    case.jira("10:05", "new", version=at("10:00"), comments=[word(2, "Deployed.") | {"machine": True}])
    engineer, app = case.of("engineering_said")
    assert (engineer.body.machine, app.body.machine) == (False, True)
    assert case.ticket.issue.said_ref == f"{engineer.seq}.comment"
    assert (summary_of(engineer.body), summary_of(app.body)) == (
        "engineering says for support, on SUP-1",
        "a program says for support, on SUP-1",
    )


def test_a_comment_that_says_nothing_visible_is_not_heard():
    case = in_jira()
    case.jira("10:00", "new", comments=[word(1, "​")])
    assert case.of("engineering_said") == []


def test_what_support_says_is_an_effect_of_its_own_and_carries_no_name_of_an_agent():
    case = in_jira()
    event = case.do("tell_engineering", at="10:00", by="tom", text="Also in Safari.")[0]
    assert (event.body.type, event.body.key, event.texts) == ("told_engineering", "SUP-1", {"text": "Also in Safari."})
    case.do("tell_engineering", at="10:01", by="tom", text="Also in Safari.")
    assert kinds(case) == ["jira_comment", "jira_comment"]
    assert len({effect.key for effect in case.ticket.pending_effects}) == 2
    assert case.ticket.waits_on is WaitsOn.ENGINEERING


def test_there_must_be_an_issue_to_say_it_on_and_something_to_say():
    assert "no issue on the tracker" in in_tier("T2").refused("tell_engineering", "10:00", text="x").message
    case = in_jira()
    assert case.refused("tell_engineering", "10:00", text=" ").missing == ["text"]
    case.jira("10:01", "gone")
    assert "SUP-1 is gone" in case.refused("tell_engineering", "10:02", text="x").message


# -- Moved --------------------------------------------------------------------------------------------------


def test_a_moved_issue_is_followed_under_its_new_key():
    case = in_jira()
    case.jira("10:00", "indeterminate", key="WEB-7", was="SUP-1", url="https://jira.example/browse/WEB-7")
    assert (case.last("jira_changed").was, case.ticket.issue.key) == ("SUP-1", "WEB-7")
    assert case.ticket.issue.url == "https://jira.example/browse/WEB-7"
    assert "WEB-7" in case.ticket.refs()
    case.jira("10:00", "indeterminate", key="WEB-7", was="SUP-1")  # told again, by a worker that died in between
    case.jira("11:00", "done", key="WEB-7", **FIXED)
    assert (len(case.of("jira_changed")), case.ticket.tier) == (2, Tier.T2)


def test_an_issue_that_moved_before_its_effect_reports_back_keeps_its_new_key():
    """The report was on its way when it moved. What Jira says later must still be known for the ticket's own."""
    case = in_tier("T3")
    case.jira("10:00", "indeterminate", key="WEB-7", was="SUP-1", url="https://jira.example/browse/WEB-7")
    done(case, at="10:01", jira_key="SUP-1", jira_url="https://jira.example/browse/SUP-1")
    link = case.ticket.issue
    assert (link.key, link.url, link.formerly) == ("WEB-7", "https://jira.example/browse/WEB-7", ("SUP-1",))
    case.jira("11:00", "done", key="WEB-7", **FIXED)
    assert case.ticket.tier is Tier.T2
    assert case.refold() == case.ticket


MOVES = [("SUP-1", "WEB-7"), ("WEB-7", "SUP-1"), ("SUP-1", "OPS-3")]


@pytest.mark.parametrize(
    ("moved", "report"),
    [(0, "SUP-1"), (1, "SUP-1"), (1, "WEB-7"), (2, "SUP-1"), (2, "WEB-7"), (3, "SUP-1"), (3, "WEB-7"), (3, "OPS-3")],
)
def test_an_issue_that_moves_there_and_back_and_on_is_followed_whenever_its_report_arrives(moved, report):
    case = in_tier("T3")
    for minute, (was, key) in enumerate(MOVES):
        if minute == moved:
            done(case, at=at("10:00") + minute * MINUTE, jira_key=report)
        case.jira(at("10:00") + minute * MINUTE, "indeterminate", key=key, was=was)
        assert case.ticket.issue.key == key
    if moved == len(MOVES):
        done(case, at="10:05", jira_key=report)
    assert (case.ticket.issue.key, case.ticket.pending_effects) == ("OPS-3", ())


def test_the_report_of_another_issue_is_no_older_name_of_this_one():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("escalate", at="10:10", by="tom", fields=T3_PACKAGE)
    done(case, at="10:11", jira_key="SUP-2")
    assert (case.ticket.issue.key, case.ticket.issue.formerly, case.ticket.issue.version) == ("SUP-2", (), None)


def test_an_issue_of_another_ticket_is_nothing_to_this_one():
    case = in_jira()
    assert case.jira("10:00", "done", key="SUP-9", was="SUP-8") == []
