"""The policy's table of customer success (F1): who is the CSM of accounts whose plan has a shared one."""

from typing import Annotated

from pydantic import Field, model_validator

from domain.core.enums import Role
from domain.core.values import Row
from domain.policy.grammar import fault

Person = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9._@-]+$")]


class CustomerSuccessRow(Row):
    """The team, or the person, that customers of a plan with `csm = "shared"` have in common."""

    shared: Person | None = None
    """Who is notified as the CSM of an account that has none of its own."""
    members: Annotated[tuple[Person, ...], Field(max_length=200)] = ()
    """Who belongs to the team; nobody named: everybody in the role csm."""

    @model_validator(mode="after")
    def _of_a_team(self) -> "CustomerSuccessRow":
        if self.members and self.shared is None:
            raise fault("of which team? name it as customer_success.shared", "members")
        return self

    def has(self, person: str, role: Role) -> bool:
        """Return whether somebody belongs to the team, and so has the accounts that share it."""
        if self.shared is None:
            return False
        return person in (self.shared, *self.members) or (not self.members and role is Role.CSM)
