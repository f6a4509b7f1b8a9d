"""What several activities and services share: failures, circuit breaker, alerts to ops, signalling."""
