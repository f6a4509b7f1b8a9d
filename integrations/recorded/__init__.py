"""Incidents that really happened, read from a log (`log`) and told as commands (`adapter`)."""
