"""What a reader may see of single firms: rights by source, and the register's authorisations by item and month.

An edition has several members; its right is the least of theirs, and a firm is named in it only when every member
is authorised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.permitted_use import RANK, Right, permitted_use
from qxmonitor.catalog.readers import readers
from qxmonitor.errors import DisclosureError
from qxmonitor.period import Period

OPEN = "9999-12"

_PURPOSES = {
    "statistics": "统计", "monitoring": "运行监测", "support": "扶持与评价", "verification": "数据核对",
    "operations": "系统运行",
}  # fmt: skip
"""Purposes in the office's words."""


class Authority:
    """The rights of all members of one reader for one purpose.

    Args:
        members: reader ids; one for a plain reader.
        purpose: what for.
        authorisations: subject, items, readers (both ``、``-joined ids), since, until.

    Raises:
        DisclosureError: a member is unknown or may not ask for this purpose.
    """

    def __init__(self, members: tuple[str, ...], purpose: str, authorisations: pd.DataFrame) -> None:
        self.members, self.purpose = members, purpose
        known = {entry.id: entry for entry in readers().readers}
        for member in members:
            if member not in known:
                raise DisclosureError(f"没有接收单位 {member}")
            if purpose not in known[member].purposes:
                raise DisclosureError(f"{known[member].name}不得为此用途调用数据：{_PURPOSES.get(purpose, purpose)}")
        self._rights: dict[str, tuple[Right, bool]] = {}
        self._windows = _windows(authorisations, members)
        self._by_key: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        for subject, item, reader, since, until in zip(*(self._windows[c] for c in self._windows), strict=True):
            self._by_key.setdefault((subject, item, reader), []).append((since, until))

    def right(self, source: str) -> Right:
        """The least right of the members on a source."""
        return self._right(source)[0]

    def needs_authorisation(self, source: str) -> bool:
        """Whether firm level on a source hangs on the register's authorisation for some member."""
        return self._right(source)[1]

    def firm(self, source: str, subject: str, period: str, item: str | None) -> bool:
        """Whether every member may see this firm's figures of a source, item and month."""
        right, authorised = self._right(source)
        if right != "firm":
            return False
        if not authorised:
            return True
        if item is None:
            return False
        return all(
            any(since <= period <= until for since, until in self._by_key.get((subject, item, member), ()))
            for member in self.members
        )

    def firm_mask(self, frame: pd.DataFrame) -> pd.Series:
        """:meth:`firm` for the firm rows of an indicator frame."""
        open_sources = {
            s: self.right(s) == "firm" and not self.needs_authorisation(s) for s in frame["source"].unique()
        }
        mask = frame["source"].map(open_sources).astype(bool)
        tied = [s for s in frame["source"].unique() if self.right(s) == "firm" and self.needs_authorisation(s)]
        rows = frame.loc[
            frame["source"].isin(tied) & (frame["entity_kind"] == "firm"), ["entity", "indicator", "period"]
        ]
        if rows.empty:
            return mask
        rows = rows.assign(
            item=rows["indicator"].map({i: permitted_use().item(i) or "" for i in rows["indicator"].unique()})
        )
        rows["line"] = rows.index
        for member in self.members:
            mine = self._windows[self._windows["reader"] == member]
            both = rows.merge(mine, left_on=["entity", "item"], right_on=["subject", "item"], validate="m:m")
            period = both["period"].astype(str)
            granted = both.loc[(both["since"] <= period) & (period <= both["until"]), "line"]
            rows = rows[rows["line"].isin(granted)]
        mask.loc[rows.index] = True
        return mask

    def covers(self, item: str, subjects: pd.Index, months: Sequence[Period]) -> npt.NDArray[np.bool_]:
        """Where the register lets every member see an item of a firm's own figures, firms × months."""
        every = np.ones((len(subjects), len(months)), dtype=bool)
        columns = np.array([str(month) for month in months], dtype=object)[None, :]
        for member in self.members:
            mine = self.terms(item, member)
            codes = subjects.get_indexer(pd.Index(mine["subject"], dtype=object))
            since, until = (mine[name].to_numpy(dtype=object)[:, None] for name in ("since", "until"))
            granted = np.zeros(every.shape, dtype=bool)
            known = codes >= 0
            np.logical_or.at(granted, codes[known], ((since <= columns) & (columns <= until)).astype(bool)[known])
            every &= granted
        return every

    def terms(self, item: str, member: str) -> pd.DataFrame:
        """The authorisations of an item for a member: subject, since, until (:data:`OPEN` where it is open)."""
        windows = self._windows
        return windows.loc[(windows["item"] == item) & (windows["reader"] == member), ["subject", "since", "until"]]

    def _right(self, source: str) -> tuple[Right, bool]:
        if source not in self._rights:
            each = [permitted_use().right(source, member, self.purpose) for member in self.members]
            least = min((right for right, _ in each), key=lambda right: RANK[right])
            self._rights[source] = (least, any(authorised for _, authorised in each))
        return self._rights[source]


def _windows(authorisations: pd.DataFrame, members: tuple[str, ...]) -> pd.DataFrame:
    """One row per subject × item × reader × window."""
    columns = ["subject", "items", "readers", "since", "until"]
    table = authorisations[columns].astype(object)
    table = table.where(table.notna(), "").astype(str)
    table = table.assign(item=table["items"].str.split("、"), reader=table["readers"].str.split("、"))
    table = table.explode("item").explode("reader")
    table["until"] = table["until"].where(table["until"] != "", OPEN)
    # A window without a start authorises nothing.
    table = table[table["reader"].isin(members) & (table["since"] != "")]
    return table[["subject", "item", "reader", "since", "until"]].drop_duplicates().reset_index(drop=True)
