"""Incidents that really happened, read from a log (`log`) and turned into commands (`adapter`)."""
