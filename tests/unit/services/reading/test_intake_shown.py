"""What people see of intake: the team, the reasons, an account that nobody knows, a channel outside the plan."""

from datetime import UTC, datetime

import pytest

from cli.render_ticket import draw
from services.intake.opening import opening_recording
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from services.reading.lookup import Seen
from services.reading.ticket import view
from workflows.ticket import rendering

FORM = {
    "external_id": "1",
    "account": {"id": "acme"},
    "channel": "slack",
    "description": "Jane says that our invoice is wrong, and that the site is down.",
}
TICKET = opening_recording(load_policy(), OpenRequest.parse(FORM), datetime(2026, 3, 2, 10, tzinfo=UTC)).state


def test_g10_ops_see_the_team_and_both_flags_and_no_word_of_the_customer() -> None:
    told = rendering.details(TICKET)
    assert "- **Team** billing, by area billing, tier T1" in told
    assert "- **Account** not known" in told
    assert "- **Channel** slack is outside the plan" in told
    assert "Jane" not in told


def test_agents_see_why_each_value_is_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    seen = view(Seen(TICKET, {}, live=True))
    assert seen["route"] == {"team": "billing", "agent": None, "why": ["area billing", "tier T1"]}
    assert (seen["account_unknown"], seen["channel_outside_plan"]) == (True, True)
    assert {"field": "category", "by": "rule", "rule": "invoice", "where": "description"} in seen["reasons"]

    draw(seen | {"timeline": []})
    drawn = capsys.readouterr().out
    assert "billing, by area billing, tier T1" in drawn
    assert "impact by rule outage (description)" in " ".join(drawn.split())
    assert "ASSUMED" in drawn
    assert "slack IS OUTSIDE THE PLAN" in drawn
