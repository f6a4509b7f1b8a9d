"""The tables, by what they are about. How rows change is said in the module of each table.

All instants are `timestamptz` and travel in UTC. Whoever imports one table has the metadata of all of them.
"""

from store.tables import credits, incidents, integrations, journal, knowledge, reports, tickets, web

__all__ = ["credits", "incidents", "integrations", "journal", "knowledge", "reports", "tickets", "web"]
