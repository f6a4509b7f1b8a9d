"""A ticket as the terminal and a program see it: its clocks, what it lacks, and its timeline in words."""

import json
import re
from typing import Any, get_args

import pytest

from cli.explain import _draw as draw_clock
from cli.output import print_failure, safe
from cli.render_ticket import draw, draw_queue
from cli.token import _draw as draw_tokens
from domain.core.refusal import Refused
from domain.incident import phrases
from domain.incident.state import EffectKind
from domain.ticket import effect_kinds
from domain.ticket.events import Body, Event
from services.reading.explained import explained
from services.reading.lookup import Seen
from services.reading.similar import Candidate
from services.reading.ticket import entry_view, view
from services.reading.timeline import SENTENCES, summary_of
from store.journal import Entry
from tests.support.packages import BOTH_PACKAGES, T2_GATE
from tests.support.ticket_case import Case, at, given, in_jira, in_tier

HOSTILE = "[bold]x[/] \x1b[31mred\x1b[0m \u202etxt.exe\x07 \ud800 end"
"""Markup, a terminal escape, a turn of the reading direction, a bell, half a character."""
TOKEN = {
    "id": "k7m3q9xt5b", "role": "agent", "sources": [], "created_at": "2026-11-23T08:00:00Z",
    "expires_at": "2027-02-21T08:00:00Z", "revoked_at": None, "used_at": None,
}  # fmt: skip
"""A token, as the list has it."""


def entries(case: Case) -> list[Entry[Event]]:
    now = at("Tue 09:00")
    return [Entry(event, epoch=1, run_id="r", recorded_at=now, superseded=False, erased=()) for event in case.events]


def seen(case: Case) -> dict[str, Any]:
    texts = {f"{event.seq}.{name}": text for event in case.events for name, text in event.texts.items()}
    shown = view(Seen(case.ticket, texts, live=True))
    shown |= {"timeline": [entry_view(entry) for entry in entries(case)]}
    assert json.loads(json.dumps(shown)) == shown
    return shown


def test_c1_the_clocks_of_both_metrics_are_shown_and_the_effective_one_is_marked() -> None:
    clocks = seen(given(plan="standard", priority="P2"))["clocks"]
    first = clocks["first_response"]
    assert first["contract"]["cell"] == "plans.standard.first_response"
    assert first["contract"]["due"] == "2026-11-23T16:00:00Z"
    assert (first["contract"]["effective"], first["target"]["effective"]) == (False, True)
    assert {side["state"] for metric in clocks.values() for side in metric.values()} == {"running"}


def test_a_miss_is_shown_with_due_and_detected_apart() -> None:
    case = given(plan="standard", priority="P2")
    case.wake("Tue 10:30:05")
    contract = seen(case)["clocks"]["first_response"]["contract"]
    assert contract["state"] == "missed"
    assert contract["missed"] == {
        "due": "2026-11-23T16:00:00Z",
        "detected": "2026-11-24T09:30:05Z",
        "status": "upheld",
    }


def test_g3_what_the_next_tier_misses_is_named_in_order_and_what_is_there_is_shown() -> None:
    case = given(plan="standard", priority="P2")
    case.do("take", "09:01")
    assert seen(case)["missing"] == {"to": "T2", "names": T2_GATE}
    case.do("step", "09:02", text="Cleared the cache.")
    after = seen(case)
    assert after["missing"]["names"] == T2_GATE[1:]
    assert after["package"]["steps_taken"]["text"] == "Cleared the cache."
    assert after["tier_1_limit"]["due"] == "2026-11-23T08:16:00Z"
    assert (after["waits"]["on"], after["next"]["at"]) == ("agent", "2026-11-23T08:11:00Z")


def test_g6_the_packages_that_a_p0_owes_are_named() -> None:
    owed = seen(given(plan="enterprise", priority="P0"))["owed"]
    assert owed["due"] == "2026-11-23T08:30:00Z"
    assert owed["names"][:4] == T2_GATE


def test_the_keys_of_a_view_are_stable() -> None:
    assert list(seen(given())) == [
        "id", "live", "note", "workflow_status", "pending_activities", "seq", "as_of", "opened_at", "source",
        "external_id", "channel", "account", "category",
        "priority", "priority_guessed", "product_area", "language", "tags", "reasons", "account_unknown",
        "taken_as_unknown", "automatic", "channel_outside_plan",
        "route", "subject", "description", "quoted", "status", "tier",
        "assignee", "sla", "clocks", "tier_1_limit", "waits", "missing", "package", "owed", "next",
        "allowed_commands", "would_fit",
        "links", "similar", "refused_deliveries", "pending_effects", "outstanding", "promises", "bounces",
        "reopenings", "resolution", "refunds", "timeline",
    ]  # fmt: skip


def test_f4_an_issue_that_may_be_about_the_same_is_offered_before_the_hand_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    case = in_tier("T2")
    shown = view(
        Seen(case.ticket, {}, live=True, similar=(Candidate(key="SUP-7", url="https://j.example.com/7", tickets=3),))
    )
    assert shown["similar"] == [{"key": "SUP-7", "url": "https://j.example.com/7", "tickets": 3}]
    draw(shown | {"timeline": []})
    assert "SUP-7, of 3 tickets: `escalate --issue SUP-7` links it" in capsys.readouterr().out


def test_f10_a_promise_at_risk_is_shown_with_the_release_that_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    case = in_jira()
    case.do("promise", "09:20", text="Fixed by Friday.", due=at("Fri 17:00"), fix=True)
    case.jira("10:00", "new", status="To Do", fix_versions=["4.13"], release_date="2026-11-30")
    planned = summary_of(case.last("promise_at_risk"))
    assert planned == (
        "promise 1 of ada is AT RISK: SUP-1 is planned for 2026-11-30, promised until 2026-11-27 16:00:00"
    )
    draw(seen(case))
    shown = " ".join(capsys.readouterr().out.split())
    assert "planned for release on 2026-11-30" in shown
    assert "promise 1 of the fix by ada, due" in shown
    assert "AT RISK: engineering plans it for later" in shown


def test_a_whole_life_can_be_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    case = given(plan="enterprise", priority="P2", texts={"subject": "Export hangs", "description": "Help!"})
    case.do("take", "09:01")
    case.do("wait", "09:02", question="Which browser?")
    case.do("reply", "09:30", text="Firefox.", role="customer", by="acme")
    case.do("escalate", "09:31", to="T3", fields=BOTH_PACKAGES)
    case.do(
        "effect_done",
        "09:32",
        key=case.ticket.pending_effects[0].key,
        role="system",
        jira_key="SUP-1",
        jira_url="http://j/SUP-1",
    )
    case.jira("10:00", "done", comments=[{"id": "20001", "text": "Fixed in 4.2"}])
    case.wake("Fri 12:00")
    draw(seen(case))
    page = capsys.readouterr().out
    for words in (
        "Export hangs", "Which browser?", "the customer wrote", "escalated from T1 to T3, by hand",
        "SUP-1 is", "Fixed in 4.2", "MISSED the contract resolution (plans.enterprise.resolution)", "missing for",
    ):  # fmt: skip
        assert words in page


def test_every_kind_of_event_is_told_in_words() -> None:
    kinds = {kind.model_fields["type"].default: kind for kind in get_args(get_args(Body)[0])}
    assert set(SENTENCES) == set(kinds)
    for name, sentence in SENTENCES.items():
        asked = set(re.findall(r"{(\w+)}", sentence)) - {"given", "end", "seen", "whose", "into", "speaker", "through"}
        asked -= {"effect", "instead", "made_of", "planned", "money", "easy"}
        assert asked <= set(kinds[name].model_fields), name
    case = given()
    case.do("amend", "09:05", category="billing", tags=["vat"])
    assert summary_of(case.events[-1].body) == "corrected category billing, tags vat"


def test_every_kind_of_effect_has_words() -> None:
    assert set(effect_kinds.IN_WORDS) == set(get_args(effect_kinds.EffectKind))
    assert set(phrases.EFFECTS) == set(get_args(EffectKind))


def test_what_people_wrote_is_shown_without_markup_escapes_or_turns(capsys: pytest.CaptureFixture[str]) -> None:
    case = given(texts={"subject": HOSTILE, "description": HOSTILE}, product_area=HOSTILE)
    case.do("take", "09:01", by="ada \x1b]0;t\x07")
    case.do("note", "09:02", text=HOSTILE)
    draw(seen(case))
    line = seen(case) | {"plan": "free", "sla_state": "breached", "sla_deadline": None, "waits_on": "agent"}
    draw_queue([line | {"account": HOSTILE, "assignee": HOSTILE}])
    clock = explained(case.ticket)["clocks"][0]
    draw_clock(clock | {"lines": [line | {"label": HOSTILE} for line in clock["lines"]]})
    draw_tokens([TOKEN | {"name": HOSTILE}])
    print_failure(Refused("does_not_fit", HOSTILE), as_json=False)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert "[bold]x[/]" in text
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert safe("a\r\nb\tc") == "a\nb\tc"
