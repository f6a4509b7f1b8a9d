"""What people and programs may read of tickets: the CLI draws it, the API sends it, and both from the same objects."""
