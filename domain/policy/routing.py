"""The table `routing` of the policy file (G10): which team gets what."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from domain.clocks.terms import Team
from domain.core.enums import Category, Tier
from domain.core.values import Row
from domain.ticket.rules.classification import Language, Word


class TeamRow(Row):
    """One team. What is left out holds for every ticket."""

    areas: tuple[Word, ...] = ()
    categories: tuple[Category, ...] = ()
    languages: tuple[Language, ...] = ()
    tiers: tuple[Tier, ...] = ()
    shift: Word | None = None
    """The name of a calendar: the team is passed over outside its hours."""
    agent: Word | None = None
    """The one person whose tickets these are."""


class Routing(Row):
    """Teams by name, in the order of the file: the first that fits gets the ticket."""

    teams: Annotated[dict[Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9._-]+$")], TeamRow],
                     Field(max_length=100)] = {}  # fmt: skip

    def __eq__(self, other: object) -> bool:
        """Compare the order as well: the order says who is asked first, and dicts are equal in any."""
        return isinstance(other, Routing) and list(self.teams.items()) == list(other.teams.items())

    __hash__ = None  # type: ignore[assignment]

    def shifts(self) -> set[str]:
        """Return the names of the calendars that teams work by."""
        return {team.shift for team in self.teams.values() if team.shift}

    def terms(self) -> tuple[Team, ...]:
        """Return the teams as the core knows them."""
        rows: Mapping[str, TeamRow] = self.teams
        return tuple(Team(name=name, **dict(row)) for name, row in rows.items())
