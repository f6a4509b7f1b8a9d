"""Renewals beside support (F3): of the accounts whose renewal fell in a time, what support was for them in the year
before, by how the renewal ended.

The figures stand beside each other and name no cause: an account may leave for any reason.
"""

from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from pydantic import computed_field

from domain.core.values import Frozen
from domain.report.week import FEW, Share

YEAR = timedelta(days=365)
"""How long before its renewal an account's breaches, ratings and alerts are counted."""


class RenewalOutcome(StrEnum):
    """How a renewal ended."""

    RENEWED = "renewed"
    EXPANDED = "expanded"
    REDUCED = "reduced"
    LEFT = "left"


class OutcomeFigures(Frozen):
    """The accounts whose renewals ended alike, and what support was for them in the year before."""

    outcome: RenewalOutcome
    accounts: int
    with_alert: int
    """Accounts for which a churn alert (F1) was raised before."""
    alerts: int
    with_breach: int
    breaches: int
    """Of the contract, upheld."""
    rated: Share
    """Ratings of 4 or 5."""
    mean: float | None
    """None of fewer than five ratings."""
    arr: Decimal
    """The yearly revenue from then on, as far as it was said."""
    arr_unknown: int
    """Accounts of which it was not said."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def few(self) -> bool:
        """Return whether there are fewer than five accounts: then the figures say little."""
        return self.accounts < FEW


class Renewals(Frozen):
    """The renewals of a time."""

    name: str
    first: date
    until: date
    """The day after the last one."""
    accounts: int
    outcomes: tuple[OutcomeFigures, ...]
    """Those that there are, in the order of the words."""
