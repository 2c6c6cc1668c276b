"""The errors a caller may show to a person: one line, in the language of the office."""


class QxError(Exception):
    """Something was refused or failed for a reason a person can act on.

    The message is one Chinese line; it never carries a raw value of a return.
    """


class CatalogError(QxError):
    """A catalogue file is wrong; the message names the file, the line and the reason."""


class Refused(QxError):
    """A file is refused as a whole; it is kept, and nothing of it is loaded."""


class DisclosureError(QxError):
    """A figure or name was asked for that is not cleared for this reader."""


class NothingKnown(QxError):
    """No return of a month or an earlier one is known; not a fault of an installation that has just begun."""
