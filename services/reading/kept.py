"""Whole texts of a ticket, where its events have them shortened or without their markup."""

import asyncio
from typing import Any

from domain.core.refusal import Refused
from store import journal, kept_texts
from store.database import Database


async def listed(db: Database, ticket: str) -> dict[str, Any]:
    """Return the texts of a ticket that are kept whole, without what they say. Raises Refused (`not_found`),
    DatabaseDown."""
    return await asyncio.to_thread(_listed, db, ticket)


def _listed(db: Database, ticket: str) -> dict[str, Any]:
    with db.session() as session:
        found = kept_texts.kept(session, ticket)
        if not found and journal.load(session, ticket) is None:
            raise Refused("not_found", f"there is no ticket {ticket}")
    return {"texts": [one.model_dump(mode="json") for one in found]}


async def whole(db: Database, ticket: str, key: str) -> dict[str, Any]:
    """Return one of them. Raises Refused (`not_found`), DatabaseDown."""
    return await asyncio.to_thread(_whole, db, ticket, key)


def _whole(db: Database, ticket: str, key: str) -> dict[str, Any]:
    with db.session() as session:
        text = kept_texts.find(session, ticket, key)
    if text is None:
        raise Refused("not_found", f"ticket {ticket} keeps no text {key[:40]}: it never did, or it was erased")
    return {"id": key, "text": text}
