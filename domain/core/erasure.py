"""How an erased person is written."""

ERASED = "erased"
"""What stands where a customer's id stood."""
