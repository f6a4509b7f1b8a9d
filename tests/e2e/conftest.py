"""A Tierline that works, in the kinds that several tests of this folder need."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from domain.core.enums import Plan
from domain.ticket.state import Account
from integrations.standins import zendesk
from services.tickets import TicketService
from store import accounts
from tests.support.encrypted_tierline import EncryptedTierline, an_encrypted_tierline
from tests.support.helpdesk import Helpdesk
from tests.support.jira_tierline import JiraTierline, a_tierline_with_jira
from tests.support.working_tierline import Tierline, a_tierline


@pytest_asyncio.fixture(loop_scope="session")
async def place(temporal_dev: Client, database_url: str) -> AsyncIterator[Tierline]:
    """A Tierline that works."""
    async with a_tierline(temporal_dev, database_url) as found:
        yield found


@pytest.fixture
def desk(place: Tierline) -> TicketService:
    """The ticket service of a Tierline that works."""
    return place.tickets


@pytest.fixture
def encrypted(home: Path, database_url: str) -> Iterator[EncryptedTierline]:
    """A Temporal whose database is a file, for workers with keys."""
    with an_encrypted_tierline(home, database_url) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def helpdesk(temporal_dev: Client, database_url: str) -> AsyncIterator[Helpdesk]:
    """A Tierline with a Zendesk beside it."""
    with zendesk.running(uuid4().int % 10**12) as control:
        async with a_tierline(temporal_dev, database_url) as place:
            with place.db.begin() as session:
                accounts.save_accounts(session, [Account(id="acme", plan=Plan.PREMIUM, csm="carol")])
            yield Helpdesk(control, temporal_dev, place.db)


@pytest_asyncio.fixture(loop_scope="session")
async def tierline(temporal_dev: Client, database_url: str) -> AsyncIterator[JiraTierline]:
    """A Tierline whose Jira sends webhooks."""
    async with a_tierline_with_jira(temporal_dev, database_url) as found:
        yield found
