"""`tierline version`: which version this is."""

from importlib.metadata import version
from typing import Annotated

import typer

from cli.output import print_json, print_line
from services.policy_file.zones import time_zones


def show_version(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Say which version this is, and which version of the time-zone database it brings (C16)."""
    if as_json:
        print_json({"version": version("tierline"), "time_zones": time_zones()})
    else:
        print_line(f"tierline {version('tierline')}, time zones {time_zones()}")
