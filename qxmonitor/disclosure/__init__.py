"""Disclosure: what may be said to whom. The gate makes the only values a template or document writer accepts."""

from qxmonitor.disclosure.cleared import Cleared, Picture
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.permitted import permitted
from qxmonitor.disclosure.successive import Successive, outside, successive, to_give
from qxmonitor.disclosure.suppression import Pattern, pattern
from qxmonitor.disclosure.targets import TargetNeed, TargetProgress, progress, target_needs
from qxmonitor.disclosure.values import Alert, Figures

__all__ = [
    "Alert", "Cleared", "Figures", "Gate", "Pattern", "Picture", "Successive", "TargetNeed", "TargetProgress",
    "outside", "pattern", "permitted", "progress", "successive", "target_needs", "to_give",
]  # fmt: skip
