"""The digest (F5): notices that can wait, gathered into one message for each audience at fixed times of day."""

from collections.abc import Collection, Mapping
from typing import Annotated, Self

from pydantic import PlainValidator, model_validator

from domain.core.values import Row
from domain.policy.grammar import Minute, fault, local_time, shortened
from domain.policy.tables import Text, Zone

DIGEST = "digest"
"""What a digest is called among the notices. It has no row in their table."""
MAX_TIMES = 24


class DigestRow(Row):
    """Which notices are gathered, for whom, and when their digest goes."""

    notices: tuple[Text, ...]
    audiences: tuple[Text, ...]
    times: tuple[Annotated[Minute, PlainValidator(local_time)], ...]
    """Times of day in the zone, in ascending order."""
    zone: Zone

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for key, words in (("notices", self.notices), ("audiences", self.audiences), ("times", self.times)):
            if not words or len(set(words)) < len(words):
                raise fault("name one at least, and each once", key)
        if list(self.times) != sorted(self.times) or len(self.times) > MAX_TIMES:
            raise fault(f"write them in ascending order, {MAX_TIMES} at most", "times")
        return self

    def gathers(self, name: str, audience: str) -> bool:
        """Return whether a notice to an audience goes with the digest."""
        return name in self.notices and audience in self.audiences

    def check(self, told: Mapping[str, Collection[str]], urgent: Collection[str]) -> None:
        """Check the names by the table of notices: `told` is who gets each, `urgent` are those that never wait.

        Raises an error of the policy.
        """
        for name in self.notices:
            if name not in told:
                raise fault(f"there is no notice {shortened(name)}", "digest", "notices")
            if name in urgent:
                reason = f'{name} does not wait (quiet_hours = "send"), so it is not gathered: write "hold" in its row'
                raise fault(reason, "digest", "notices")
            if not set(self.audiences) & set(told[name]):
                raise fault(f"{name} goes to none of the digest's audiences", "digest", "notices")
        for audience in self.audiences:
            if audience == "customer":
                reason = "a customer gets each notice by itself, which may hold a link of their own"
                raise fault(reason, "digest", "audiences")
            if not any(audience in told[name] for name in self.notices):
                raise fault(f"{shortened(audience)} gets none of the digest's notices", "digest", "audiences")
