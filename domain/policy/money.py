"""The policy's tables of money: who decides about credits (F2), and what may be refunded by whose word (F6)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from domain.clocks.terms import RefundTerms
from domain.core.enums import Category, Role
from domain.core.money import amount_of, currency_of
from domain.core.values import Row
from domain.policy.grammar import fault, shortened

Decider = Literal["agent", "lead", "ops", "admin", "csm", "finance"]
"""Who may be given a limit: people of ours who are not engineers."""
MOST_REASONS, MOST_CURRENCIES = 50, 20
"""They travel with every ticket."""


class CreditsRow(Row):
    """Who decides about credits (F2)."""

    approvers: Annotated[tuple[Literal["lead", "ops", "admin", "csm", "finance"], ...], Field(min_length=1)] = ("lead",)


def _limits(value: Any) -> Mapping[str, Decimal]:
    """Read the limits of a role: `{ EUR = "200.00" }`. A number with a point is refused, as it is not exact."""
    if not isinstance(value, Mapping):
        raise fault(f'{shortened(value)} is no table of limits: write {{ EUR = "200.00" }}')
    if len(value) > MOST_CURRENCIES:
        raise fault(f"{MOST_CURRENCIES} currencies at most")
    found: dict[str, Decimal] = {}
    for key, written in value.items():
        if isinstance(written, Decimal):  # it was read before
            written = f"{written:f}"
        if isinstance(written, bool) or not isinstance(written, str | int):
            raise fault('write an amount as text, such as "200.00"', str(key))
        try:
            if key != currency_of(key):
                raise ValueError(f"write {currency_of(key)}")
            found[key] = amount_of(str(written), key)
        except ValueError as error:
            raise fault(str(error), str(key)) from None
    return found


class RefundsRow(Row):
    """What may be refunded, for which reasons, and up to how much each role approves (F6)."""

    categories: Annotated[tuple[Category, ...], Field(min_length=1)] = (Category.BILLING,)
    reasons: Annotated[
        tuple[Annotated[str, Field(max_length=60, pattern=r"^[a-z][a-z0-9_]*$")], ...],
        Field(max_length=MOST_REASONS),
        AfterValidator(lambda reasons: tuple(dict.fromkeys(reasons))),
    ] = ()
    limits: dict[Decider, Annotated[Mapping[str, Decimal], PlainValidator(_limits)]] = {}
    """Role -> currency -> what it may approve on one ticket. Whoever has none approves none."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(self.limits.values()) and not self.reasons:
            raise fault("name the reasons for which something is refunded", "reasons")
        return self

    def terms(self) -> RefundTerms:
        """Return what a ticket carries of it."""
        limits = {Role(role): dict(amounts) for role, amounts in self.limits.items() if amounts}
        return RefundTerms(categories=self.categories, reasons=self.reasons, limits=limits)
