"""`python -m tierline`."""

import sys
from pathlib import Path

# Python puts the current folder first: a folder `api` or `domain` there must not stand in for ours.
if not sys.flags.safe_path and Path(sys.path[0]).resolve() != Path(__file__).resolve().parents[1]:
    del sys.path[0]

from cli.main import main

main()
