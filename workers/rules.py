"""The policy that the settings name, at the speed that they ask for."""

from domain.policy.policy import Policy
from services.policy_file.load import load_policy
from workers.settings import Settings


def load_rules(settings: Settings) -> Policy:
    """Raises PolicyError, in one line with file, line and reason."""
    policy = load_policy(settings.policy)
    return policy if settings.speed == 1 else policy.at_speed(settings.speed)
