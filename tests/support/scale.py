"""How much the largest tests take on."""

import os

SCALE = int(os.environ.get("TEST_SCALE", "1"))
"""Multiplies the number of tickets in tests of many tickets: `TEST_SCALE=5 make test ARGS=tests/chaos`. The rules that
such a test guards are the same at 1, so a run of all tests stays short; 5 is for a change to what the test guards."""
