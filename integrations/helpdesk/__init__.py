"""Where tickets come from: helpdesks."""
