"""G5: what becomes a request in the tracker goes to Tier 3 without a bug report."""

import pytest

from domain.core.enums import Tier
from domain.ticket.rules.gates import is_request, missing
from tests.support.packages import T2_GATE, T3_GATE
from tests.support.ticket_case import in_tier


@pytest.mark.parametrize(
    ("priority", "category", "request_"),
    [
        ("P4", "bug", True),
        ("P2", "feature", True),
        ("P4", "feature", True),
        ("P2", "bug", False),
        ("P3", "how-to", False),
    ],
)
def test_g3_g4_g5_a_request_owes_tier_3_the_first_package_only(priority: str, category: str, request_: bool) -> None:
    ticket = in_tier("T1", priority=priority, category=category).ticket
    assert is_request(ticket) is request_
    assert missing(ticket, Tier.T2) == T2_GATE
    owed = missing(ticket, Tier.T3)
    assert [name for name in owed if name in T2_GATE] == T2_GATE
    assert any(name.split(".")[0] in T3_GATE for name in owed) is not request_
