"""The errors a caller may show to a person: one line, in the language of the office."""


def one_line(text: str) -> str:
    r"""A text without line breaks and other characters that print nothing; headings and sheet names hold them.

    >>> one_line("工业总产值\n(千元)")
    '工业总产值 (千元)'
    """
    if text.isprintable():
        return text
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


class QxError(Exception):
    """Something was refused or failed for a reason a person can act on.

    The message is one Chinese line; it never carries a raw value of a return.
    """


class CatalogError(QxError):
    """A catalogue file is wrong; the message names the file, the line and the reason."""


class NotYet(QxError):
    """A file lies in a folder named by a day still to come."""


class Refused(QxError):
    """A file is refused as a whole; it is kept, and nothing of it is loaded."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))


class DisclosureError(QxError):
    """A figure or name was asked for that is not cleared for this reader."""


class NothingKnown(QxError):
    """No return of a month or an earlier one is known; not a fault of an installation that has just begun."""
