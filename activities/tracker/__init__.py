"""Activities on the issue tracker."""
