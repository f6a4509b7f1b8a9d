"""Zendesk: the port (`port`), the client of its Support API (`client`), and what its webhooks say (`webhook`)."""
