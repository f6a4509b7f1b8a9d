"""What the API's own description (OpenAPI) says of an address: its methods, and its query parameters.

The description is made from the endpoints, so what is checked against it here cannot differ from what they take.
"""

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from fastapi import Request
from starlette.routing import compile_path

from domain.core.faults import meant
from domain.core.refusal import Refused


class Described:
    """The description, made when it is first needed."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        """`describe` makes the OpenAPI description."""
        self._describe = describe

    @cached_property
    def _paths(self) -> dict[str, dict[str, Any]]:
        paths: dict[str, dict[str, Any]] = self._describe()["paths"]
        return paths

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], list[str]]]:
        return [
            (compile_path(path)[0], sorted(name.upper() for name in methods)) for path, methods in self._paths.items()
        ]

    def methods(self, path: str) -> Sequence[str]:
        """Return all methods that an address takes, in order; none where it is not described."""
        return sorted({name for pattern, names in self._patterns if pattern.match(path) for name in names})

    def query(self, template: str, method: str) -> frozenset[str]:
        """Return the query parameters of an operation. `template` is its address with its parameters by name."""
        declared = self._paths[template][method.lower()].get("parameters", ())
        return frozenset(one["name"] for one in declared if one["in"] == "query")


def only_known_parameters(request: Request) -> None:
    """Refuse query parameters that an endpoint does not take: a filter that is misspelt would be no filter.

    Webhooks are let alone, since their senders may add what they like, and so is what needs no token. Raises Refused
    (`malformed`), which names each of them.
    """
    if not request.query_params or request.state.caller is None:
        return
    known = request.app.state.described.query(request.scope["route"].path, request.method)
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known][:20]
    if not unknown:
        return
    fields = {name[:100]: _advice(name, known) for name in unknown}
    listed = "; ".join(f"{name}: {why}" for name, why in fields.items())
    raise Refused("malformed", listed, fields=fields)


def _advice(name: str, known: frozenset[str]) -> str:
    guess = meant(name, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
    return f"there is no such parameter{guess}"
