"""A name to start from: `python -m tierline` is the command `tierline`. The program is in other folders."""
