"""The team: what was recorded of its work, and a simulation of the queues that another team would have had."""
