"""C7, F5: what engineering does reaches the ticket once, moves it where it should, and resolves nothing by itself."""

import itertools
from typing import Any

import pytest

from domain import engineering, issue
from domain.effects import notices
from domain.standing import proposal
from domain.words import Resolution, Status, Tier, WaitsOn
from tests.unit.rules.driver import RECORD, SECOND_PACKAGE, Case, at, done, in_tier, kinds, word

FIXED = {"status": "Done", "resolution": "Fixed"}
WORKAROUND = RECORD | {"resolution": "workaround"}


def in_jira() -> Case:
    """In Tier 3 since 09:05, by tom of Tier 2, with the issue SUP-1."""
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1", jira_url="https://jira.example/SUP-1")
    return case


def over(how: dict[str, Any] = WORKAROUND) -> Case:
    """Resolved and closed by ten o'clock, its issue still open."""
    case = in_jira()
    case.do("resolve", at="09:50", **how)
    case.do("close", at="10:00")
    return case


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
    assert getattr(case.ticket.jira, name) == (tuple(value) if isinstance(value, list) else value)


def test_the_name_of_an_engineer_is_a_text_that_can_be_erased_and_the_ticket_keeps_the_account_id():
    case = in_jira()
    case.jira("10:00", "indeterminate", assignee="5b10", assignee_name="Grace")
    assert case.last("jira_changed").assignee == "5b10"
    assert case.of("jira_changed")[-1].texts == {"assignee": "Grace"}
    assert "Grace" not in case.ticket.model_dump_json()


def test_an_issue_that_goes_back_to_its_first_column_is_news():
    case = in_jira()
    case.jira("10:00", "indeterminate", status="In Progress")
    case.jira("10:05", "new", status="To Do")
    assert case.ticket.jira.category == "new"


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
        assert (case.ticket.jira.status, case.ticket.tier) == ("Done", Tier.T2)
        assert len(case.of("answered")) == 1
        assert sorted(case.ticket.jira.heard) == ["20001", "20002"]
        assert len(case.of("engineering_said")) == 2


# -- An issue that speaks early ------------------------------------------------------------------------------------


def test_an_issue_may_speak_before_the_effect_that_made_it_has_reported_back():
    case = in_tier("T3")
    case.jira("10:00", "indeterminate", status="In Progress", url="https://jira.example/SUP-1")
    assert case.ticket.jira.key == "SUP-1"
    done(case, at="10:01", jira_key="SUP-1", jira_url="https://jira.example/SUP-1")
    assert (case.ticket.jira.status, case.ticket.undone) == ("In Progress", ())


def test_its_first_word_may_be_a_comment():
    case = in_tier("T3")
    case.jira("10:00", "new", status="To Do", comments=[word(1, "We see it.")])
    assert (len(case.of("engineering_said")), case.ticket.jira.key) == (1, "SUP-1")


def test_a_ticket_that_asked_for_no_issue_hears_of_none():
    assert in_tier("T2").jira("10:00", "done") == []


def test_after_a_second_escalation_the_new_issue_is_heard_and_the_old_one_no_longer():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("escalate", at="10:10", by="tom", fields=SECOND_PACKAGE)
    case.jira("10:11", "indeterminate", key="SUP-2", status="In Progress")
    assert case.ticket.jira.key == "SUP-2"
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
    remembered = [int(number) for number in case.ticket.jira.heard]
    assert remembered == list(range(9_950, 9_950 + issue.HEARD))


def test_where_the_latest_words_and_the_name_of_who_works_on_it_stand():
    case = in_jira()
    case.jira("10:00", "indeterminate", assignee="5b10", assignee_name="Grace", comments=[word(1, "We see it.")])
    changed, said = case.of("jira_changed")[-1], case.of("engineering_said")[-1]
    assert case.ticket.jira.assignee_ref == f"{changed.seq}.assignee"
    assert case.ticket.jira.said_ref == f"{said.seq}.comment"
    case.jira("10:05", "indeterminate")
    assert (case.ticket.jira.assignee, case.ticket.jira.assignee_ref) == (None, None)
    assert case.ticket.jira.url == "https://jira.example/SUP-1"  # no fact said otherwise


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
    assert len({effect.key for effect in case.ticket.undone}) == 2
    assert case.ticket.waits_on is WaitsOn.ENGINEERING


def test_there_must_be_an_issue_to_say_it_on_and_something_to_say():
    assert "no issue in Jira" in in_tier("T2").refused("tell_engineering", "10:00", text="x").message
    case = in_jira()
    assert case.refused("tell_engineering", "10:00", text=" ").missing == ["text"]
    case.jira("10:01", "gone")
    assert "SUP-1 is gone" in case.refused("tell_engineering", "10:02", text="x").message


# -- Done: back to its agent, with a proposal ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resolution", "proposed"),
    [
        ("Fixed", Resolution.SOLVED),
        ("fixed", Resolution.SOLVED),
        ("Done", Resolution.SOLVED),
        (None, Resolution.SOLVED),
        ("Won't Do", Resolution.WONT_FIX),
        ("Won't Fix", Resolution.WONT_FIX),
        ("Duplicate", Resolution.DUPLICATE),
        ("Cannot Reproduce", None),
        ("Erledigt", None),
    ],
)
def test_an_end_in_jira_proposes_a_resolution_by_the_policys_table_and_resolves_nothing(resolution, proposed):
    case = in_jira()
    case.jira("10:00", "done", status="Done", resolution=resolution)
    assert (case.ticket.status, case.ticket.resolution) == (Status.OPEN, None)
    assert proposal(case.ticket) is proposed


def test_nothing_is_proposed_while_the_issue_is_open():
    case = in_jira()
    case.jira("10:00", "indeterminate", resolution="Fixed")
    assert proposal(case.ticket) is None


def test_f5_the_agent_is_told_what_was_fixed_and_what_is_proposed():
    case = in_jira()
    case.jira("10:00", "done", **FIXED, fix_versions=["4.13", "4.12.1"])
    assert told(case, "answered") == [
        ("engineering_answered", "tom", "Engineering is done with SUP-1 (Fixed in 4.13, 4.12.1, proposed: solved): "
         "please tell the customer and resolve")
    ]  # fmt: skip


def test_from_done_to_released_is_no_second_answer():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.jira("11:00", "done", status="Released", resolution="Fixed", fix_versions=["4.13"])
    assert (len(case.of("jira_changed")), len(case.of("answered"))) == (2, 1)
    assert told(case, "jira_changed") == []


# -- Reopened in Jira ---------------------------------------------------------------------------------------------


def test_reopened_in_jira_after_the_answer_goes_back_to_tier_3_without_a_second_issue():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.jira("11:00", "indeterminate", status="In Progress")
    body = case.last("escalated")
    assert (body.frm, body.to, body.how, body.to_engineering) == ("T2", "T3", "reopened", "linked")
    assert (case.ticket.tier, case.ticket.waits_on, case.ticket.undone) == (Tier.T3, WaitsOn.ENGINEERING, ())
    case.jira("12:00", "done", **FIXED)
    assert (case.ticket.tier, case.ticket.assignee) == (Tier.T2, "tom")


def test_reopened_while_the_customer_is_asked_the_clocks_tick_again():
    """C6: it is engineering that the ticket waits for, no longer the customer."""
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("wait", at="10:05", by="tom", question="Does it work now?")
    case.jira("11:00", "new", status="To Do")
    assert (case.ticket.tier, case.ticket.status, case.ticket.suspended) == (Tier.T3, Status.OPEN, False)


def test_reopened_with_a_priority_that_would_open_an_incident_pages_nobody():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("prioritise", at="10:30", priority="P1", reason="More of them.")
    case.jira("11:00", "indeterminate", status="In Progress")
    assert kinds(case) == []


def test_what_its_agent_handed_on_meanwhile_stays_where_it_is_and_the_agent_hears_of_it():
    """G8: a ticket that was handed back is no longer where the answer brought it."""
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("return", at="10:30", by="tom", reason="Please tell them.")
    case.do("take", at="10:31", by="ada")
    case.jira("10:40", "indeterminate", status="In Progress")
    assert case.ticket.tier is Tier.T1
    assert told(case, "jira_changed")[0][:2] == ("engineering_answered", "ada")
    assert "has reopened SUP-1" in told(case, "jira_changed")[0][2]


@pytest.mark.parametrize("end", [(), ("close",)])
def test_c10_reopened_after_the_ticket_ended_its_agent_is_told_and_nothing_is_reopened(end):
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("resolve", at="10:30", by="tom", **RECORD)
    for command in end:
        case.do(command, at="10:31", by="tom")
    status = case.ticket.status
    case.jira("11:00", "indeterminate", status="In Progress")
    assert (case.ticket.status, case.ticket.tier) == (status, Tier.T2)
    assert told(case, "jira_changed")[0][:2] == ("engineering_answered", "tom")


# -- Deleted, moved -----------------------------------------------------------------------------------------------


def test_a_deleted_issue_brings_the_ticket_to_its_agent_and_a_new_escalation_makes_a_new_issue():
    case = in_jira()
    case.jira("10:00", "gone", status="deleted, or out of our sight")
    assert (case.ticket.tier, case.ticket.assignee, case.ticket.jira.open) == (Tier.T2, "tom", False)
    assert told(case, "answered")[0][2] == "SUP-1 is gone from Jira: escalate again if the problem stands"
    assert proposal(case.ticket) is None
    case.do("escalate", at="10:10", by="tom", fields=SECOND_PACKAGE)
    assert kinds(case) == ["jira_bug"]


def test_an_issue_that_is_done_and_then_deleted_moves_nothing():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.jira("11:00", "gone")
    assert (case.ticket.tier, len(case.of("answered"))) == (Tier.T2, 1)
    assert told(case, "jira_changed") == []


def test_a_moved_issue_is_followed_under_its_new_key():
    case = in_jira()
    case.jira("10:00", "indeterminate", key="WEB-7", was="SUP-1", url="https://jira.example/browse/WEB-7")
    assert (case.last("jira_changed").was, case.ticket.jira.key) == ("SUP-1", "WEB-7")
    assert case.ticket.jira.url == "https://jira.example/browse/WEB-7"
    assert "WEB-7" in case.ticket.refs()
    case.jira("10:00", "indeterminate", key="WEB-7", was="SUP-1")  # told again, by a worker that died in between
    case.jira("11:00", "done", key="WEB-7", **FIXED)
    assert (len(case.of("jira_changed")), case.ticket.tier) == (2, Tier.T2)


def test_an_issue_of_another_ticket_is_nothing_to_this_one():
    case = in_jira()
    assert case.jira("10:00", "done", key="SUP-9", was="SUP-8") == []


# -- C7: the fix that ships after the ticket ended ----------------------------------------------------------------


def test_c7_the_customer_of_a_workaround_hears_of_the_fix_once():
    """F5: from done to released, a fix version that changes, a reopening and another end are no second fix."""
    case = over()
    case.jira("Fri 10:00", "done", **FIXED)
    case.jira("Fri 11:00", "done", status="Released", resolution="Fixed", fix_versions=["4.13"])
    case.jira("Fri 12:00", "indeterminate", status="In Progress")
    case.jira("Fri 13:00", "done", status="Released", resolution="Fixed", fix_versions=["4.13.1"])
    assert len(case.of("fix_shipped")) == 1
    assert told(case, "fix_shipped") == [("fix_shipped", "acme", "The fix behind SUP-1 has shipped")]


@pytest.mark.parametrize("resolution", ["Won't Do", "Duplicate", "Cannot Reproduce", "Erledigt"])
def test_c7_an_end_without_a_fix_is_not_told_to_the_customer_as_one_but_to_the_agent(resolution):
    case = over()
    case.jira("Fri 10:00", "done", status="Done", resolution=resolution)
    assert case.of("fix_shipped") == []
    ((name, _, title),) = told(case, "jira_changed")
    assert name == "engineering_answered"
    assert resolution in title


def test_c7_a_fix_that_comes_after_it_was_first_refused_ships_all_the_same():
    case = over()
    case.jira("Fri 10:00", "done", status="Done", resolution="Won't Do")
    case.jira("Fri 11:00", "done", **FIXED)
    assert len(case.of("fix_shipped")) == 1


def test_c7_who_was_told_that_it_is_solved_is_not_told_that_it_shipped():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("resolve", at="10:30", by="tom", **RECORD)
    case.jira("11:00", "done", status="Released", resolution="Fixed", fix_versions=["4.13"])
    assert case.of("fix_shipped") == []


def test_c7_the_issue_of_a_workaround_that_is_deleted_is_told_to_the_agent_not_to_the_customer():
    case = over()
    case.jira("Fri 10:00", "gone")
    assert [name for name, *_ in told(case, "jira_changed")] == ["engineering_answered"]


def told(case: Case, kind: str) -> list[tuple[str, str | None, str]]:
    """Whom the latest event of a type is told to, and in which words."""
    event = case.of(kind)[-1]
    return [(notice.name, notice.recipient, notice.title) for notice in notices(case.ticket, event)]
