"""Rules over indicators: monthly verdicts, the life of the alerts folded from them, and which of them are told."""

from qxmonitor.signals.fold import fold, history
from qxmonitor.signals.inhibit import explain, links
from qxmonitor.signals.judge import judge

__all__ = ["explain", "fold", "history", "judge", "links"]
