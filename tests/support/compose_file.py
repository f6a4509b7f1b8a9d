"""docker-compose.yml and .env.example, read, and filled in as compose does it."""

import re
from typing import Any

import yaml

from tests.support.root import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (ROOT / ".env.example").read_text()
OURS = ["migrate", "api", "worker", "relay", "tierline", "smoke"]
"""The services that are processes of ours."""
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")


def filled(value: str, given: dict[str, str]) -> str:
    """A value of the file as compose makes it of the environment."""

    def one(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if kind == "?" and not given.get(name):
            raise KeyError(rest)
        return given.get(name) or (rest if kind == "-" else "")

    return VARIABLE.sub(one, value)
