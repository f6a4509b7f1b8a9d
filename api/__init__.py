"""HTTP: intake, commands, reading, webhooks, health. Everything is decided elsewhere; here it is spoken."""
