"""How sure evidence is: how often a month of a series to which nothing happens shows as much.

The evidence is no exact likelihood (scales and models are learned on the way), so its distribution over quiet months
was counted on simulated series whose noise is calibrated to real ones: 30 towns of 800 firms without events, seeds 1001
to 1030, 49 months, January reported with February, as the rules see returns (576,000 judged months;
:func:`qxmonitor.evaluation.marks.quiet_evidence` counts anew). It hardly depends on the length of history: between 20
and 46 values .08 to .12 % of quiet months pass the evidence that .1 % of all do. It depends on the noise: .01 % above
.20, .22 % between .05 and .10.
"""

from __future__ import annotations

import numpy as np

from qxmonitor.indicators.smoothing import Floats

PASSED = (
    (0.5, -0.740), (0.2, 0.241), (0.1, 0.880), (0.05, 1.388), (0.02, 2.018), (0.01, 2.477), (0.005, 2.926),
    (0.002, 3.514), (0.001, 3.996), (0.0005, 4.452), (0.0002, 5.112), (0.0001, 5.553), (0.00005, 6.010),
    (0.00002, 6.680),
)  # fmt: skip
"""Share of quiet months that pass an evidence, and the evidence; fewer than one in 50,000 nobody could count."""
LEAST = 1e-6
"""The smallest p value said: what lies beyond the counted ones is read off the line through the last of them."""
_SLOPE = float(np.log(PASSED[-1][0] / PASSED[-5][0]) / (PASSED[-1][1] - PASSED[-5][1]))


def p_value(evidence: Floats) -> Floats:
    """Share of quiet months with at least as much evidence; NaN where there is none.

    Args:
        evidence: any shape, as :class:`~qxmonitor.signals.detect.judged.Detected` holds it; infinite for a stop.

    >>> p_value(np.array([-3.0, 3.996, 5.553, 9.0, np.inf, np.nan])).round(6).tolist()
    [1.0, 0.001, 0.0001, 1e-06, 1e-06, nan]
    """
    share, mark = (np.array(part) for part in zip(*PASSED, strict=True))
    inside = np.exp(np.interp(evidence, mark, np.log(share)))
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = share[-1] * np.exp(_SLOPE * (evidence - mark[-1]))
        found = np.where(evidence < mark[0], 1.0, np.where(evidence > mark[-1], beyond, inside))
        return np.asarray(np.where(np.isnan(evidence), np.nan, np.maximum(found, LEAST)))
