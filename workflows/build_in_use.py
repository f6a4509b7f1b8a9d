"""Worker Versioning as workflows see it: a run stays on the build of the workers that it began on."""

from temporalio import workflow


def to_build_in_use() -> workflow.ContinueAsNewVersioningBehavior | None:
    """Let the next run begin on the build that is in use then, and stay on it; None where workers name no build."""
    if workflow.info().get_current_deployment_version() is None:
        return None
    return workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE
