"""The levels that firms add up to: nodes within chains, industries beside them, and the town as a whole.

Each level is a partition of all firms, so its parts add up to the town. A node is written ``chain/node``, so that two
chains may call a node by the same code; firms without one stand under ``other``. Industries are the divisions (two
digits) of GB/T 4754.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.indicators.grouping import Grouping
from qxmonitor.indicators.view import Codes, chain_codes, group_codes

OTHER = "other"
PARTS = ("node", "chain", "industry", "town")
"""The levels whose entities add up to the town, finest first."""


def level_codes(firms: pd.DataFrame, level: str) -> tuple[Codes, list[str]]:
    """Each firm's entity of a level as a code into sorted entity ids.

    Args:
        firms: the panel's register columns, n rows.
        level: one of :data:`PARTS`.

    Returns:
        (n,) codes and the k ids they mean.

    Raises:
        KeyError: no such level.
    """
    makers = {"chain": _chains, "node": _nodes, "industry": _divisions, "town": _town}
    names = makers[level](firms)
    codes, labels = pd.factorize(names, sort=True)
    return codes.astype(np.intp), [str(label) for label in labels]


class Levels:
    """The groupings of a panel's firms by level, each made when it is first asked for."""

    def __init__(self, firms: pd.DataFrame) -> None:
        self._firms = firms
        self._groups = group_codes(firms)
        self._made: dict[str, Grouping] = {}

    def __getitem__(self, level: str) -> Grouping:
        """The grouping of one of :data:`PARTS`."""
        if level not in self._made:
            codes, labels = level_codes(self._firms, level)
            self._made[level] = Grouping.of(codes, labels, self._groups)
        return self._made[level]


def members(firms: pd.DataFrame, level: str, entity: str) -> npt.NDArray[np.bool_]:
    """The firms of one entity, (n,); none where there is no such entity."""
    codes, labels = level_codes(firms, level)
    return np.isin(codes, [labels.index(entity)] if entity in labels else [])


def _town(firms: pd.DataFrame) -> npt.NDArray[np.object_]:
    return np.full(len(firms), "town", dtype=object)


def _chains(firms: pd.DataFrame) -> npt.NDArray[np.object_]:
    codes, labels = chain_codes(firms)
    return np.array(labels, dtype=object)[codes]


def _nodes(firms: pd.DataFrame) -> npt.NDArray[np.object_]:
    node = firms["node"].astype(object)
    node = node.where(node.notna() & (node != ""), OTHER).astype(str)
    return np.asarray(_chains(firms) + "/" + node.to_numpy(dtype=object), dtype=object)


def _divisions(firms: pd.DataFrame) -> npt.NDArray[np.object_]:
    found = firms["industry"].astype("str").str.extract(r"(\d{2})\d{0,2}(?!\d)", expand=False)
    return found.fillna(OTHER).astype(object).to_numpy(dtype=object)
