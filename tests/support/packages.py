"""Name what a ticket needs for each hand-over (G3, G4) and for its resolution (G9), complete and valid."""

from typing import Any

T2_GATE = ["steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots"]
T3_GATE = ["bug_report", "business_impact", "workaround_status", "communication_plan"]

T2_PACKAGE = {
    "steps_taken": "Cleared the cache.",
    "customer_impact": "Nobody can export.",
    "reproduction_steps": "Open, export, wait.",
    "logs_or_screenshots": "export.log",
}
T3_PACKAGE: dict[str, Any] = {
    "bug_report": {
        "summary": "Export hangs",
        "expected": "A file",
        "actual": "Nothing",
        "environment": "Firefox 140",
        "frequency": "always",
        "code_change": True,
    },
    "business_impact": {"text": "Month-end is late.", "arr": 12000},
    "workaround_status": "None is known.",
    "communication_plan": "Word to the customer every morning.",
}
BOTH_PACKAGES: dict[str, Any] = T2_PACKAGE | T3_PACKAGE
RECORD = {
    "resolution": "solved",
    "message": "It works again.",
    "what_was_done": "Restarted the exporter.",
    "root_cause": "A full disk.",
    "kb_reason": "gap",
}
"""A resolution that satisfies G9 for any ticket that is solved."""
