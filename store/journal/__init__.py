"""The journal: every event of every ticket and incident, in order, and the state that they make, in one transaction.

There is one `Journal`, described once for each noun: `TICKETS` and `INCIDENTS`. The functions of this package without a
noun are those of tickets. Read `journal` first, then `tickets` and `incidents`.
"""

from store.journal.incidents import INCIDENTS, listed
from store.journal.journal import CLOSED, INTAKE, Appended, DeadRun, Entry, Gap, Journal
from store.journal.tickets import TICKETS, append, fold, load, open_once, opened_by, origin, requester, texts, timeline

__all__ = [
    "CLOSED", "INCIDENTS", "INTAKE", "TICKETS", "Appended", "DeadRun", "Entry", "Gap", "Journal", "append", "fold",
    "listed", "load", "open_once", "opened_by", "origin", "requester", "texts", "timeline",
]  # fmt: skip
