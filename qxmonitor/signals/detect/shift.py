"""Whether a series has fallen lately: the evidence for a shift that began in one of the last months.

For each shape of shift (a step down by a quarter, by half …, a small step, a slow drift) and each month in which it may
have begun, the log likelihood ratio of the errors since then: with the shift's signature in them, against without it,
both under Student's t. A weighted mean of the ratios over shapes and beginnings is the evidence that it is one of
them. All is sums over shifted arrays: no loop over series or months.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.smoothing import Floats
from qxmonitor.signals.detect.expect import AGES, CHUNK, TAIL, Expected


@dataclass(frozen=True)
class Shape:
    """One shape of shift.

    Attributes:
        kind: ``fall`` or ``drift``.
        size: logarithm of what is left in the end.
        creep: months over which it arrives; 1 is a step.
        weights: prior weight by the months since it began, 0 first.
    """

    kind: str
    size: float
    creep: int
    weights: tuple[float, ...]


def _even(total: float, first: int, last: int) -> tuple[float, ...]:
    each = total / (last - first + 1)
    return tuple(each if first <= age <= last else 0.0 for age in range(last + 1))


SHAPES = (
    Shape("fall", float(np.log(0.75)), 1, (0.49, 0.49)),
    Shape("fall", float(np.log(0.45)), 1, (0.006, 0.006)),
    Shape("fall", float(np.log(0.1)), 1, (0.002, 0.002)),
    Shape("drift", float(np.log(0.9)), 1, _even(0.5, 2, 5)),
    Shape("drift", float(np.log(0.9)), 6, _even(0.5, 3, AGES - 1)),
)
"""What a fall and what a drift may look like, with weights inside each kind; chosen on simulated series only."""
QUIET, STEEP, SMALL = 0.12, 8.0, 1.5
"""Small shifts are looked for where they can be told: their weight beside falls is :data:`SMALL` where the errors'
scale is well below :data:`QUIET`, and goes to nought above it, the faster the greater :data:`STEEP`."""


def combined(kinds: dict[str, Floats], scale: Floats) -> Floats:
    """Evidence for a fall or a drift together, ``(n, m)``: the kinds' ratios, weighed by the errors' scale."""
    small = np.log(SMALL) - np.log1p((scale / QUIET) ** STEEP)
    told = ~np.isnan(kinds["fall"])
    fall, drift = (np.where(told, kinds[kind], 0.0) for kind in ("fall", "drift"))
    return np.where(told, np.logaddexp(fall, drift + small), np.nan)


@dataclass(frozen=True)
class Evidence:
    """By kind of shift: log of the mean likelihood ratio, and the age of the likeliest beginning, ``(n, m)`` each.

    The evidence is NaN where the month has no value; the age counts months, 0 for a shift that began in the month.
    """

    ratio: dict[str, Floats]
    age: dict[str, npt.NDArray[np.int8]]


def evidence(seen: Expected, shapes: tuple[Shape, ...] = SHAPES) -> Evidence:
    """What the errors say of each kind of shift.

    Args:
        seen: errors, their scales and signatures.
        shapes: what to look for.
    """
    count, span = seen.error.shape
    kinds = {shape.kind for shape in shapes}
    ratio = {kind: np.empty((span, count)).T for kind in kinds}
    age = {kind: np.zeros((span, count), dtype=np.int8).T for kind in kinds}
    for kind, at in product(kinds, range(0, count, CHUNK)):
        few = slice(at, at + CHUNK)
        some = Expected(*(getattr(seen, name)[..., few, :] for name in Expected.__annotations__))
        ratio[kind][few], age[kind][few] = _evidence(some, [shape for shape in shapes if shape.kind == kind])
    return Evidence(ratio, age)


def _evidence(seen: Expected, shapes: Sequence[Shape]) -> tuple[Floats, npt.NDArray[np.int8]]:
    """Log of the mean ratio of some shapes, and the likeliest age; months come first inside, ``(m, n)``."""
    here = np.isfinite(seen.error.T)
    error, spread = np.where(here, seen.error.T, 0.0), TAIL * seen.scale.T**2
    told = here & np.isfinite(spread)
    spread[~told] = 1.0
    none = np.log(spread + error**2)
    fresh = np.arange(len(error))[:, None] - seen.renewed.T
    gaps, renewed = not told.all(), bool((seen.renewed >= 0).any())
    total, most, since = np.zeros(error.shape), np.zeros(error.shape), np.zeros(error.shape, dtype=np.int8)
    for shape in shapes:
        ratio = np.zeros(error.shape)
        for age, prior in enumerate(shape.weights):
            part = error - _mark(seen.signature, shape, age).T
            part *= part
            part += spread
            np.subtract(none, np.log(part, out=part), out=part)
            if gaps:
                part *= told
            part[1:] += ratio[:-1]
            ratio = part
            if prior:
                mine = np.exp((TAIL + 1) / 2 * ratio)
                mine *= prior
                mine[:age] = 0.0
                if renewed:
                    mine *= fresh > age
                total += mine
                np.copyto(since, age, where=mine > most, casting="unsafe")
                np.maximum(most, mine, out=most)
    with np.errstate(divide="ignore"):
        return np.where(here, np.log(total), np.nan).T, since.T


def _mark(signature: Floats, shape: Shape, age: int) -> Floats:
    """What a shift of that shape and age adds to the errors, ``(n, m)``."""
    first = max(0, age - shape.creep + 1)
    return np.asarray(shape.size / shape.creep * reduce(np.add, signature[first : age + 1]))
