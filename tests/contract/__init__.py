"""One suite per port, over real sockets, against the stand-ins."""
