"""Load the policy that is shipped, once."""

from services.policy_file.load import load_policy

POLICY = load_policy()
