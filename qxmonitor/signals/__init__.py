"""Rules over indicators: monthly verdicts, and the life of the alerts folded from them."""

from qxmonitor.signals.fold import fold
from qxmonitor.signals.judge import judge

__all__ = ["fold", "judge"]
