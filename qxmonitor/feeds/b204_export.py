"""Form 2: B204-1 工业产销总值及主要产品产量 as the reporting platform exports it, one firm a row, monthly.

Columns of this year's and last year's month and 1—本月; no January, February without a month of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qxmonitor.feeds import platform
from qxmonitor.feeds.base import Batch

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED, FORM = "b204_1", "export"


def matches(opened: Opened) -> bool:
    """Whether a sheet's header names firms and items of B204-1."""
    return platform.matches(opened, FEED)


def read(opened: Opened) -> Batch:
    """Read the export.

    Raises:
        Refused: see :func:`qxmonitor.feeds.platform.read`.
    """
    return platform.read(opened, FEED, FORM)
