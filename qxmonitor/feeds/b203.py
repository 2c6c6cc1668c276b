"""Form 4: 财务状况 (B203) as the reporting platform exports it, one firm a row, monthly without January.

Flows are cumulative from January, stocks at the end of the month; labels such as ``负债合计;上年同期`` give a stock
no span. Head-counts are labelled 千元 in some exports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qxmonitor.feeds import platform
from qxmonitor.feeds.base import Batch

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED, FORM = "b203", "export"


def matches(opened: Opened) -> bool:
    """Whether a sheet's header names firms and items of 财务状况."""
    return platform.matches(opened, FEED)


def read(opened: Opened) -> Batch:
    """Read the export.

    Raises:
        Refused: see :func:`qxmonitor.feeds.platform.read`.
    """
    return platform.read(opened, FEED, FORM)
