"""Say where the project lies on this machine."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


OURS = (
    "DATABASE_URL", "JIRA_", "PAGER_", "SECOND_", "ROOM_", "NOTICE_", "TIERLINE_", "TEMPORAL_", "ZENDESK_", "WEBHOOK_",
    "OTEL_",
)  # fmt: skip
"""What a developer's shell may have set must not reach a test."""
