"""The port to the issue tracker, whichever it is. Each tracker implements the port in a folder of its own."""
