"""Whoever wakes people: the port (`port`) and the client of PagerDuty's Events API v2 (`client`)."""
