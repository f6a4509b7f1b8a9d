"""Engineering's tracker: the port (`port`), Jira Cloud's client (`client`) and its text format (`adf`)."""
