"""F1: who cares for an account: its own success manager, the team that its plan shares, or nobody yet."""

import pytest

from domain.core.enums import Plan
from domain.ticket.state import Account
from services.reading.account import SuccessManager, csm_of
from tests.support.policy import POLICY


@pytest.mark.parametrize(
    ("plan", "csm", "found"),
    [
        (Plan.ENTERPRISE, None, SuccessManager(None, shared=False, due=True)),
        (Plan.ENTERPRISE, "carla", SuccessManager("carla", shared=False, due=False)),
        (Plan.PREMIUM, None, SuccessManager("customer-success", shared=True, due=False)),
        (Plan.PREMIUM, "carla", SuccessManager("carla", shared=False, due=False)),
        (Plan.STANDARD, None, SuccessManager(None, shared=False, due=False)),
    ],
    ids=["nobody of a plan with one by name", "one by name", "the team", "an own one before the team", "none is due"],
)
def test_f1_an_account_has_its_own_csm_else_that_of_its_plan(
    plan: Plan, csm: str | None, found: SuccessManager
) -> None:
    assert csm_of(POLICY, Account(id="acme", plan=plan, csm=csm)) == found
