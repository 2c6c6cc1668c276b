"""A panel cut down to what one reader may use of single firms for one purpose.

What is not permitted is not in it: a formula that runs on it cannot use a return by mistake, and its result cannot
depend on one. Self-reports stand only in the months, items and firms the register's authorisation names.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from qxmonitor.disclosure.gate import Gate
from qxmonitor.panel import Panel, no_detail, no_projects, no_tasks, no_trade, no_visits

_FORMS = {"self_report": "self_report", "customs_monthly": "customs", "bonded_inv101": "bonded"}
"""Forms whose states may be kept, with the source whose right decides."""


def permitted(panel: Panel, gate: Gate) -> Panel:
    """The panel as the gate's reader may use it firm by firm, for the gate's purpose."""
    authority = gate.authority
    values: dict[str, npt.NDArray[np.float64]] = {}
    covers: dict[str, npt.NDArray[np.bool_]] = {}
    for name, grid in panel.values.items():
        source, _, measure = name.partition(".")
        if not gate.may(source, "firm"):
            continue
        if authority.needs_authorisation(source):
            item = measure.partition("_")[0]
            if item not in covers:
                covers[item] = authority.covers(item, panel.firms.index, panel.months)
            grid = np.where(covers[item], grid, np.nan)
        values[name] = grid
    nothing = np.zeros(panel.authorised.shape, dtype=bool)
    return replace(
        panel, values=values, authorised=covers.get("output", nothing), trade=no_trade(), projects=no_projects(),
        tasks=no_tasks(), visits=no_visits(), detail=no_detail(),
        parameters=None,
        states={form: codes for form, codes in panel.states.items()
                if form in _FORMS and gate.may(_FORMS[form], "firm")
                and not authority.needs_authorisation(_FORMS[form])},
    )  # fmt: skip
