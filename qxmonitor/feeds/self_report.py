"""Form 5: 企业自报, key firms' own copies of a few items for the town's departments, monthly.

An administrative source: the same words as in B204-1 but meant for other readers, so a sheet is taken for one
only if its name or a line above its header says 自报. Labels are joined by ``_``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qxmonitor.feeds import platform
from qxmonitor.feeds.base import Batch

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED, FORM = "self_report", "sheet"


def matches(opened: Opened) -> bool:
    """Whether a sheet says 自报 and its header names firms and items they report."""
    return platform.matches(opened, FEED)


def read(opened: Opened) -> Batch:
    """Read the sheet.

    Raises:
        Refused: see :func:`qxmonitor.feeds.platform.read`.
    """
    return platform.read(opened, FEED, FORM)
