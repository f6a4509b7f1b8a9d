"""What may go wrong without a bug: whoever gave the command gets one line, which says what to do."""


class ExpectedFailure(Exception):
    """A failure that is no bug of ours. Its text is one line."""


class NotAvailable(ExpectedFailure):
    """Something that is needed does not answer or is not there now: the same may be tried again."""


class NotUsable(ExpectedFailure):
    """The environment, or a file that it names, cannot be used as it is: somebody must change it."""


class Unavailable(NotAvailable):
    """Something that Tierline needs does not answer."""
