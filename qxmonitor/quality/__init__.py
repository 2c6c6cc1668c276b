"""Quality: what was read is judged before it is loaded.

:func:`check` runs each table's suite once over all files given, so that hundreds of small files cost as much as one
large one, and splits the verdicts back to their files: a critical one moves the row to the rejects, a warning
becomes a note on the receipt (counts and row numbers, no values).
"""

from __future__ import annotations

from qxmonitor.quality.check import check
from qxmonitor.quality.verdicts import warm

__all__ = ["check", "warm"]
