"""A cleared value: text and number that may be shown to exactly one reader.

Nothing else can be rendered. :func:`seal` is called by the gate, and by the few functions that put cleared values
into words or sentences for the same reader (a test names them all); constructing one elsewhere is refused.
"""

from __future__ import annotations

import math
import re
from dataclasses import InitVar, dataclass

from qxmonitor.errors import DisclosureError

_SEAL = object()
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]+"
)
"""Control, direction-changing and invisible characters: a firm's name must not break a header, a line or XML."""

_BLANKS = re.compile(r"[ \u00a0]+")

LONGEST = 120
"""Characters of a name or a word; longer ones end in …"""


@dataclass(frozen=True)
class Cleared:
    """A value cleared for one reader.

    Attributes:
        text: as shown.
        number: as shown, in ``unit``, for a spreadsheet cell or a chart; None when there is none to show.
        unit: display unit, ``""`` for words.
        reader: the reader or edition it was cleared for.
        source: where it comes from (``returns``, ``self_report``, …; ``office`` for catalogue words).
        ref: what it is, ``period|indicator|entity_kind|entity|source`` for figures.
        state: a datum state's word, or ``unknown`` where there is no such figure.
        decimals: of ``number`` as shown.
    """

    text: str
    number: float | None
    unit: str
    reader: str
    source: str
    ref: str
    state: str = "value"
    decimals: int = 0
    key: InitVar[object] = None

    def __post_init__(self, key: object) -> None:
        if key is not _SEAL:
            raise DisclosureError("只有披露闸口可以核准数值")
        if self.number is not None and not math.isfinite(self.number):
            raise DisclosureError(f"{self.ref}：不是有限的数")

    @property
    def shown(self) -> bool:
        """Whether there is a figure behind it (and not one of the four empties)."""
        return self.state == "value"

    def __str__(self) -> str:
        return f"<cleared for {self.reader}: {self.ref}>"


@dataclass(frozen=True)
class Picture:
    """A chart drawn from cleared values of one reader, as PNG, with its text for those who cannot see it.

    ``cuts``: fractions of the height, from the top, at which a page may end.
    """

    png: bytes
    title: Cleared
    alt: Cleared
    reader: str
    cuts: tuple[float, ...] = ()


def seal(
    text: str,
    *,
    reader: str,
    source: str,
    ref: str,
    number: float | None = None,
    unit: str = "",
    state: str = "value",
    decimals: int = 0,
    limit: int | None = LONGEST,
) -> Cleared:
    """Make a cleared value; its text becomes one printable line."""
    return Cleared(one_line(text, limit), number, unit, reader, source, ref, state, decimals, key=_SEAL)


def one_line(text: str, limit: int | None = LONGEST) -> str:
    r"""A text as one printable line, cut at ``limit`` characters.

    >>> one_line("甲厂\r\nBcc: x")
    '甲厂 Bcc: x'
    """
    line = _BLANKS.sub(" ", _UNPRINTABLE.sub(" ", text)).strip(" ")
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"
