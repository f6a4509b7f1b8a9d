"""Terms that grow old: the calendar of a ticket that stays open for years must be known for longer."""

from collections.abc import Callable
from datetime import datetime

from temporalio import activity

from domain.calendars.calendar import Calendar
from domain.ticket.state import Account
from workflows import ports

Renew = Callable[[Account, datetime, Calendar | None], Calendar]
"""The support hours of an account's ticket, known for years from an instant on, given those that it has."""


class TermsActivities:
    """Zones and holidays are data of the machine, so they are read here and travel to the ticket as values."""

    def __init__(self, renew: Renew) -> None:
        self._renew = renew

    @activity.defn(name=ports.RENEW_CALENDAR.name)
    def renew_calendar(self, request: ports.RenewRequest) -> ports.RenewResult:
        return ports.RenewResult(calendar=self._renew(request.account, request.at, request.known))
