"""The HTTP API over a real socket, with a real PostgreSQL, Temporal and worker."""
