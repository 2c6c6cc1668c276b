"""Evidence of a verdict as compact JSON text, for whole columns at once and the same on every run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Texts = npt.NDArray[np.object_]


def evidence(length: int, fields: Mapping[str, Any]) -> Texts:
    """One JSON object per row; keys in the order given.

    Args:
        length: number of rows.
        fields: key → constant str, or an array of str, bool-free numbers of that length. A NaN leaves its key out.
            Numbers are rounded to six decimals. Strings must need no escaping (codes and months only).
    """
    pieces: list[Any] = [pa.array(["{"] * length, pa.string())]
    for key, values in fields.items():
        if isinstance(values, str):
            piece: Any = pa.array([f'"{key}":"{values}",'] * length, pa.string())
        elif np.asarray(values).dtype.kind in "OUT":
            text = pa.array(np.asarray(values, dtype=object), pa.string())
            piece = pc.binary_join_element_wise(f'"{key}":"', text, '",', "")
        else:
            numbers = np.asarray(values)
            if numbers.dtype.kind == "f":
                numbers = np.round(numbers, 6) + 0.0  # no negative zero
            text = pc.cast(pa.array(numbers, from_pandas=True), pa.string())
            piece = pc.binary_join_element_wise(f'"{key}":', text, ",", "")
        pieces.append(pc.fill_null(piece, ""))
    joined = pc.binary_join_element_wise(*pieces, "")
    closed = pc.binary_join_element_wise(pc.utf8_rtrim(joined, ","), "}", "")
    return np.asarray(closed.to_numpy(zero_copy_only=False), dtype=object)


def extend(texts: Texts, fields: Mapping[str, Any]) -> Texts:
    """Append fields to JSON objects made by :func:`evidence`."""
    if not len(texts):
        return texts
    head = pc.utf8_rtrim(pa.array(texts, pa.string()), "}")
    more = pa.array(evidence(len(texts), fields), pa.string())
    comma = pc.if_else(pc.equal(head, "{"), "", ",")
    whole = pc.binary_join_element_wise(head, comma, pc.utf8_ltrim(more, "{"), "")
    return np.asarray(whole.to_numpy(zero_copy_only=False), dtype=object)
