"""The one shape indicators see: dense firms × months arrays for one as-of time.

Pure data, no database: the warehouse fills it, indicators and signals only read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.period import Period


@dataclass(frozen=True)
class Panel:
    """n firms × m months as known at one moment.

    Attributes:
        months: the m columns, consecutive.
        firms: n rows, index = USCC sorted; register columns: name, group (own USCC if none), chain ('' if none),
            node, industry, ownership, the flags (bool), key_firm, since, until, leader.
        values: ``"<source>.<measure>"`` → (n, m), NaN where there is no number: ``returns.output_m`` …,
            ``self_report.output_m`` …, ``customs.import_usd`` …, ``bonded.tickets`` ….
        states: per form (``b204_1``, ``b203``, ``self_report``, ``customs_monthly``, ``bonded_inv101``) the
            :class:`~qxmonitor.calendar.DatumState` codes (n, m).
        authorised: (n, m), the firm has a valid self-report authorisation for output.
        reference: series, name, frequency, unit, source, period, value.
        chains: chain, chain_name, node, node_name, upstream.
        parameters: period, parameter, scope, value of the months, as handed down from above; None where not read.
    """

    months: tuple[Period, ...]
    firms: pd.DataFrame
    values: dict[str, npt.NDArray[np.float64]]
    states: dict[str, npt.NDArray[np.uint8]]
    authorised: npt.NDArray[np.bool_]
    reference: pd.DataFrame
    chains: pd.DataFrame
    known_at: datetime
    simulated: bool
    parameters: pd.DataFrame | None = None
