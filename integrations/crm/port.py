"""What Tierline asks of a CRM: all of its accounts, now and then."""

from collections.abc import Iterator
from typing import Protocol

from domain.ticket.state import Account


class CrmFault(Exception):
    """What the CRM says cannot be used. One line for each fault, the first ones, with where it stands."""

    def __init__(self, faults: list[str], more: int = 0) -> None:
        self.faults = faults
        """For people: `customers.csv, line 7, column plan: "gold" is none of free, standard, premium, enterprise`."""
        self.more = more
        """How many more there are."""
        rest = f" (and {len(faults) - 1 + more} more)" if len(faults) - 1 + more else ""
        super().__init__(f"{faults[0]}{rest}")


class Crm(Protocol):
    """A source of accounts. By id: no name, no address."""

    def accounts(self) -> Iterator[Account]:
        """Return every account, each once, at its present state. A field that the CRM says nothing of is not set
        (`model_fields_set`): it stays as it was. Raises CrmFault; what came before it is not to be used."""
