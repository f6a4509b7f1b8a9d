"""Telling a ticket what happened outside."""

import asyncio
from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.core.refusal import Refused
from domain.ticket.commands import IncidentUpdate, IssueUpdate
from domain.ticket.state import workflow_id
from store import closed_tickets as closed
from store.database import Database


async def tell(client: Client, db: Database, ticket: str, fact: IssueUpdate | IncidentUpdate) -> None:
    """Signal a fact to a ticket. For one whose workflow has ended, the same core takes it over the journal."""
    try:
        await client.get_workflow_handle(workflow_id(ticket)).signal(fact.do, fact.model_dump(mode="json"))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await asyncio.to_thread(_tell_closed, db, ticket, fact)


def _tell_closed(db: Database, ticket: str, fact: IssueUpdate | IncidentUpdate) -> None:
    try:
        closed.command_closed(db, ticket, fact, datetime.now(UTC))
    except Refused as refused:
        activity.logger.info("ticket %s takes no %s: %s", ticket, fact.do, refused.code)
