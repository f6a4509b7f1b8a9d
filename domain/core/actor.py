"""Who acts."""

from domain.core.enums import Role
from domain.core.values import Frozen


class Actor(Frozen):
    """Who did it, by id, and in which role. As claimed, where Temporal was reached directly."""

    id: str
    role: Role


SYSTEM = Actor(id="tierline", role=Role.SYSTEM)
"""Tierline itself: deadlines, and whatever a rule decides without a person."""
