"""What the readers of customs' files share: rejects gathered as masks, and countries in one spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.codes import codes, commodity
from qxmonitor.feeds.base import REJECT_COLUMNS
from qxmonitor.feeds.grid import gather, quotable

SHORT_HS = re.compile(r"[1-9](?:0[1-9]|1[0-4])[0-9]{4}")
"""Of chapters 01 to 09 without its zero; none of these has more than 14 headings, so that half a code is not taken."""


class Rejects:
    """Gathers rejects as masks over the lines of one sheet.

    Attributes:
        rows: (n,) lines with any reject.
        parts: frames of :data:`~qxmonitor.feeds.base.REJECT_COLUMNS`.
        whose: ``subject`` and ``period`` of each line, once they are known.
    """

    def __init__(self, sheet: str | pd.Series, lines: npt.NDArray[np.int64], labels: Mapping[str, str]) -> None:
        self.sheet = sheet
        self.lines = lines
        self.labels = labels
        self.rows = np.zeros(len(lines), dtype=bool)
        self.parts: list[pd.DataFrame] = []
        self.whose: dict[str, pd.Series] = {}

    def add(
        self,
        mask: npt.NDArray[np.bool_],
        field: str | pd.Series,
        rule: str | pd.Series,
        reason: str | pd.Series,
        raw: pd.Series,
    ) -> None:
        """Reject the lines of ``mask``; ``raw`` holds the offending cells."""
        if not mask.any():
            return
        self.rows |= mask
        given = {"sheet": self.sheet, "field": field, "rule": rule, "reason": reason}
        chosen = {
            key: value[mask].to_numpy() if isinstance(value, pd.Series) else value for key, value in given.items()
        }
        chosen["raw"] = quotable(raw[mask]).to_numpy()
        self.parts.append(pd.DataFrame({"row": self.lines[mask], **chosen})[REJECT_COLUMNS])

    def frame(self) -> pd.DataFrame:
        """All rejects, with the firm and month of their lines where they could be read."""
        rejects = gather(self.parts, REJECT_COLUMNS)
        if rejects.empty or not self.whose:
            return rejects
        at = np.searchsorted(self.lines, rejects["row"].to_numpy())
        return rejects.assign(**{name: column.to_numpy(object)[at] for name, column in self.whose.items()})

    def decode(
        self,
        column: pd.Series,
        data: npt.NDArray[np.bool_],
        field: str,
        rule: str,
        reason: str,
        word: Callable[[str], str | None],
    ) -> pd.Series:
        """Translate a column of few distinct words; what does not translate is rejected."""
        found = translate(column, word)
        self.add(data & found.isna().to_numpy(dtype=bool), self.labels[field], rule, reason, column)
        return found


def mended_commodity(text: str) -> str | None:
    """A commodity code; seven digits are one of chapters 01 to 09 that lost its zero, since no code has seven.

    >>> mended_commodity("3011000"), mended_commodity("9503008"), mended_commodity("950300830")
    ('03011000', None, None)
    """
    plain = unicodedata.normalize("NFKC", text).strip().removesuffix(".0")
    return commodity("0" + plain if SHORT_HS.fullmatch(plain) else text)


def translate(column: pd.Series, word: Callable[[str], str | None]) -> pd.Series:
    """A column of few distinct words, each translated once; null where one does not translate."""
    positions, distinct = pd.factorize(column)
    known = pd.array([word(str(text)) for text in distinct] or [None], dtype="str")
    return pd.Series(known.take(positions), index=column.index)


def countries(column: pd.Series) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """Countries and regions by their names, and which of them are in no code table and stay as they are written."""
    found = translate(column, codes().country)
    strange = found.isna() & (column != "")
    return found.where(~found.isna(), column), strange.to_numpy(dtype=bool)
