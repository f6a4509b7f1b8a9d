"""F4 and F10: what customers wait for from engineering, ranked by accounts and yearly revenue."""

from domain.core.values import Frozen
from store import demand
from store.database import Database
from store.demand import Kind, Order, Wanted

MOST = 200


class Demand(Frozen):
    """The issues for which accounts wait, ranked."""

    kind: Kind
    by: Order
    issues: tuple[Wanted, ...]


def read(db: Database, kind: Kind = "request", by: Order = "accounts", limit: int = MOST) -> Demand:
    """Return the issues that are open in engineering, by how many accounts wait, or by their revenue.

    Raises DatabaseDown.
    """
    with db.session() as session:
        return Demand(kind=kind, by=by, issues=tuple(demand.wanted(session, kind, by, limit)))
