"""Names nobody bears: brands of uncommon syllables, joined at random, with a trade and a legal form.

A few names carry characters that break careless HTML, Excel or Word (``<b>``, a leading ``=``, ``&``): names may be
anything, and they reach mails and documents.
"""

from __future__ import annotations

import itertools

import numpy as np

_HEADS = "岚黍璞翎霁岫芊垣汀砚漪蔺朔葭珩筱"
_MIDDLES = "禾谷澜楠茗圃昀穗荻桁沅鹭淞槿苒舸"
_TAILS = "屿棠笙墨峤蘅澈羽栎珂弦溪榆岑洄野"

TRADES = {
    "C01": ("电子", "光电", "通讯", "微电子"),
    "C02": ("电气", "机电", "智能设备", "电缆"),
    "C03": ("玩具", "婴童用品", "塑胶制品"),
    "C04": ("物流装备", "仓储设备", "输送机械"),
    "C05": ("新材料", "家具", "家居"),
    "C06": ("医疗器械", "健康科技"),
    "": ("包装", "服饰", "五金", "印刷"),
    "trade": ("贸易", "进出口", "供应链"),
}

HOSTILE = ("<b>{brand}</b>", "=1+1{brand}", "{brand}&{brand}")
"""Patterns that a careless renderer would obey instead of print."""


def brands(rng: np.random.Generator, count: int) -> list[str]:
    """``count`` distinct three-character brands."""
    pool = ["".join(parts) for parts in itertools.product(_HEADS, _MIDDLES, _TAILS)]
    return [pool[i] for i in rng.choice(len(pool), size=count, replace=False)]


def company_names(rng: np.random.Generator, brand: list[str], chains: list[str]) -> list[str]:
    """Company names in the three usual patterns, the place in full-width or half-width parentheses or in front."""
    pattern = rng.integers(0, 4, len(brand))
    trade = rng.integers(0, 12, len(brand))
    names = []
    for i, (word, chain) in enumerate(zip(brand, chains, strict=True)):
        line = TRADES[chain][trade[i] % len(TRADES[chain])]
        names.append(
            (
                f"清溪{word}{line}有限公司",
                f"{word}（清溪）{line}有限公司",
                f"{word}(清溪){line}有限公司",
                f"清溪{word}{line}股份有限公司",
            )[pattern[i]]
        )
    return names


def parentheses_swapped(name: str) -> str:
    """The same name with parentheses of the other width, as another office would type it.

    >>> parentheses_swapped("岚禾屿（清溪）电子有限公司")
    '岚禾屿(清溪)电子有限公司'
    """
    table = str.maketrans("（）()", "()（）")
    return name.translate(table)
