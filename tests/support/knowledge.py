"""A knowledge base for tests: the samples, visits, and a draft."""

from pathlib import Path

from sqlalchemy import update

from domain.core.enums import Role
from services.knowledge import drafts, visits
from services.knowledge.importing import import_folder
from store.database import Database
from store.tables.knowledge import HelpSearchRow
from tests.support.root import ROOT

KB = ROOT / "examples" / "kb"


def in_vain(db: Database, query: str) -> int:
    """Have a visitor search for something in vain, and a draft begun for it. Returns its number."""
    kept = visits.kept_form(query)
    session = visits.look_for(db, query, session=None, channel="tests").session
    with db.begin() as transaction:  # whatever the samples have that looks like it
        transaction.execute(update(HelpSearchRow).where(HelpSearchRow.session_id == session).values(results=0))
    return drafts.begin_from_search(db, kept, role=Role.AGENT)


def places_of(db: Database, query: str, folder: Path = KB) -> dict[str, str]:
    """Return what addresses of the desk name of a knowledge base: an article, and a draft for a search in vain."""
    import_folder(db, folder)
    read = "troubleshooting/reports/export-error"
    visits.read(db, read, session=None, channel="tests")
    return {"{slug:path}": read, "{draft}": str(in_vain(db, query))}
