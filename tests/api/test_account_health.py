"""What a CRM says of an account's health and usage: who may, the latest word counts, and erasure reaches it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.core.enums import Health, Plan, Role
from domain.ticket.state import Account
from store import account_health, accounts, erasure
from tests.support.served_api import Api

NOW = datetime.now(UTC)


def report(**more: Any) -> dict[str, Any]:
    return {"health": "red", "reason": "Logins fell.", "usage": {"active users": 12, "trend": "down"}, **more}


async def say(api: Api, account: str, role: Role = Role.INTEGRATION, **more: Any) -> Any:
    return await api.post(f"/api/v1/accounts/{account}/health", report(**more), role=role)


async def test_the_latest_word_counts_whatever_comes_late(api: Api) -> None:
    account = f"acme-{uuid4().hex[:6]}"
    with api.db.begin() as session:
        accounts.save_accounts(session, [Account(id=account, plan=Plan.PREMIUM, health=Health.GREEN)])
    answer = await say(api, account, at=(NOW - timedelta(hours=1)).isoformat())
    assert (answer.status_code, answer.json()) == (200, {"account": account, "latest": True})
    late = await say(api, account, health="green", at=(NOW - timedelta(hours=2)).isoformat())
    assert late.json()["latest"] is False
    with api.db.session() as session:
        said, known = account_health.find(session, account), accounts.find_account(session, account)
        assert said is not None
        assert known is not None
        assert (said.health, said.reason, said.usage) == ("red", "Logins fell.", {"active users": 12, "trend": "down"})
        assert known.health is Health.RED, "churn alerts and new tickets go by it"
    with api.db.begin() as session:
        assert erasure.erase_notes(session, account, at=NOW, actor="ada", reason="asked") == 1
        assert account_health.find(session, account) is None


@pytest.mark.parametrize(
    ("role", "status"), [(Role.CSM, 200), (Role.LEAD, 200), (Role.AGENT, 403), (Role.FINANCE, 403)]
)
async def test_integrations_success_managers_and_leads_say_it(api: Api, role: Role, status: int) -> None:
    assert (await say(api, f"acme-{uuid4().hex[:6]}", role)).status_code == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"health": "purple"},
        {"usage": {f"figure {number}": 1 for number in range(21)}},
        {"usage": {"x" * 61: 1}},
        {"usage": {"nested": {"a": 1}}},
        {"usage": {"words": "x" * 201}},
        {"reason": "x" * 201},
        {"at": (NOW + timedelta(days=1)).isoformat()},
        {"unknown": 1},
    ],
)
async def test_what_is_said_is_bounded(api: Api, wrong: dict[str, Any]) -> None:
    assert (await say(api, "acme", **wrong)).status_code == 422
