"""What the demo did, counted where it stands: in the database, in the stand-ins, in Temporal. They must agree."""

import asyncio
from collections.abc import Mapping
from typing import Any

import requests
from sqlalchemy import text
from temporalio.client import Client

from store.database import Database

PATIENCE = 60.0
"""Seconds until the records must agree."""

SQL = {
    "tickets": "select count(*) from tickets",
    "jira_issues": "select count(distinct jira_key) from jira_links where phase = 'linked'",
    "incidents": "select count(*) from incidents",
    "t1_limits": "select count(*) from ticket_events where type = 'limit_reached' and not superseded",
    "warnings": "select count(*) from ticket_events where type = 'warned' and not superseded",
    "breaches": "select count(*) from ticket_events where type = 'lapsed' and body->>'side' = 'contract' "
    "and not superseded",
    "targets_missed": "select count(*) from ticket_events where type = 'lapsed' and body->>'side' = 'target' "
    "and not superseded",
    "refusals": "select count(*) from refusals",
    "signals_refused": "select count(*) from ticket_events where type = 'message_refused' and not superseded",
    "notices": "select count(*) from outbox where state = 'sent'",
    "events": "select count(*) from ticket_events where not superseded",
}


class Disagreement(RuntimeError):
    """Two records of the same thing say different numbers."""


async def tally(client: Client, db: Database, pages: Mapping[str, str]) -> dict[str, Any]:
    """Return the closing numbers, once all are quiescent. Waits until notices are sent. Raises Disagreement."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        here = await asyncio.to_thread(_from_sql, db)
        there = await asyncio.to_thread(_from_stand_ins, pages)
        there["tickets"] = (await client.count_workflows("WorkflowType = 'TicketWorkflow'")).count
        there["incidents"] = (await client.count_workflows("WorkflowType = 'IncidentWorkflow'")).count
        waiting = await asyncio.to_thread(_waiting, db)
        differing = {name: (here[name], count) for name, count in there.items() if here.get(name, count) != count}
        if not differing and not waiting:
            return here | {"pages": there["pages"]}
        if asyncio.get_running_loop().time() > deadline:
            raise Disagreement(f"records disagree (ours, theirs): {differing}; notices waiting: {waiting}")
        await asyncio.sleep(0.2)  # what is awaited happens in other processes


def _from_sql(db: Database) -> dict[str, Any]:
    with db.begin() as session:
        counts: dict[str, Any] = {name: session.execute(text(query)).scalar_one() for name, query in SQL.items()}
        by_status = session.execute(text("select status, count(*) from tickets group by status order by status"))
        counts["by_status"] = {status: count for status, count in by_status}  # noqa: C416 - rows are no pairs
    return counts


def _waiting(db: Database) -> int:
    with db.begin() as session:
        query = text("select count(*) from outbox where state in ('pending', 'sending')")
        count: int = session.execute(query).scalar_one()
        return count


def _from_stand_ins(pages: Mapping[str, str]) -> dict[str, int]:
    def see(name: str, what: str) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{pages[name]}/standin/{what}", timeout=10)
            answer.raise_for_status()
            return answer.json()

    return {
        "jira_issues": len(see("Jira (stand-in)", "issues")["issues"]),
        "pages": len(see("Pager (stand-in)", "alerts")["alerts"]),
        "notices": len(see("Notices (stand-in)", "messages")["messages"]),
    }
