"""Disclosure: what may be said to whom. The gate makes the only values a template or document writer accepts."""

from qxmonitor.disclosure.cleared import Cleared, Picture
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.permitted import permitted
from qxmonitor.disclosure.successive import Successive, outside, successive, to_give
from qxmonitor.disclosure.suppression import Pattern, pattern
from qxmonitor.disclosure.values import Alert, Figures, TargetProgress

__all__ = [
    "Alert", "Cleared", "Figures", "Gate", "Pattern", "Picture", "Successive", "TargetProgress", "outside", "pattern",
    "permitted", "successive", "to_give",
]  # fmt: skip
