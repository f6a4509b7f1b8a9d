"""What a CRM says of an account's health and usage: who may, the latest word counts, and erasure reaches it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from domain.core.enums import Health, Plan, Role
from domain.ticket.state import Account
from store import account_health, accounts, erasure, renewals
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
    assert (answer.status_code, answer.json()) == (200, {"account": account, "latest": True, "renewal": None})
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


def renewal(**more: Any) -> dict[str, Any]:
    return {"id": "ren-1", "on": "2026-11-01", "outcome": "renewed", "arr": "120000.50", **more}


async def test_renewals_are_a_history_that_is_added_to_once_and_never_changed(api: Api) -> None:
    account = f"acme-{uuid4().hex[:6]}"
    for told, answer in (
        (renewal(), "kept"),
        (renewal(arr=120000.5), "known"),
        (renewal(id="ren-2", on="2025-11-01", outcome="expanded", arr=None), "kept"),
        (renewal(id="ren-3", outcome="left", arr=0), "kept"),
    ):
        said = await say(api, account, renewal=told)
        assert (said.status_code, said.json()["renewal"]) == (200, answer), said.text
    other = await say(api, account, renewal=renewal(outcome="left", arr=0))
    assert other.status_code == 409
    assert "renewal.id" in other.text
    assert (await say(api, f"{account}-2", renewal=renewal())).json()["renewal"] == "kept", "an id is an account's own"
    with api.db.session() as session:
        kept = renewals.of_account(session, account, 10)
        found = [(one.said_id, one.renews_on.isoformat(), one.outcome, one.arr, one.said_by) for one in kept]
    assert found == [
        ("ren-3", "2026-11-01", "left", 0, "integration-1"),
        ("ren-1", "2026-11-01", "renewed", Decimal("120000.50"), "integration-1"),
        ("ren-2", "2025-11-01", "expanded", None, "integration-1"),
    ]
    with api.db.begin() as session:
        assert erasure.erase_notes(session, account, at=NOW, actor="ada", reason="asked") == 4
        assert renewals.count(session, account) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "x" * 201},
        {"outcome": "lost"},
        {"arr": -1},
        {"arr": 10**12 + 1},
        {"arr": "0.001"},
        {"outcome": "left", "arr": 1},
        {"on": "1999-01-01"},
        {"on": "2126-01-01"},
        {"on": "soon"},
        {"unknown": 1},
    ],
)
async def test_what_is_said_of_a_renewal_is_bounded_and_nothing_of_a_refused_word_is_kept(
    api: Api, wrong: dict[str, Any]
) -> None:
    account = f"acme-{uuid4().hex[:6]}"
    assert (await say(api, account, renewal=renewal(**wrong))).status_code == 422
    with api.db.session() as session:
        assert account_health.find(session, account) is None


async def test_an_account_has_so_many_words_about_renewals_at_most(api: Api) -> None:
    account = f"acme-{uuid4().hex[:6]}"
    with api.db.begin() as session:
        for number in range(renewals.MOST):
            renewals.add(
                session, account, f"ren-{number}", renews_on=NOW.date(), outcome="renewed", arr=None, by="crm", at=NOW
            )
    full = await say(api, account, renewal=renewal(id="one-more"))
    assert full.status_code == 413
    assert (
        await say(api, account, renewal=renewal(id="ren-0", on=NOW.date().isoformat(), arr=None))
    ).status_code == 200
