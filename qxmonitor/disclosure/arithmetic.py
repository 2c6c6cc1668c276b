"""Arithmetic as printed: numbers with names and units, put together by ＋ − × ÷, that come out at what is printed.

An example is printed with as many digits as it needs for its reader to get the printed result from the printed
numbers, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import reduce

_FINEST = 6
"""Digits that may be added before an example is given up."""
_RANK = {"＋": 1, "−": 1, "×": 2, "÷": 2}


@dataclass(frozen=True)
class Number:
    """A number as printed: ``value`` in ``unit``; an integer stays one."""

    value: float
    decimals: int = 0
    unit: str = ""
    name: str = ""

    def digits(self, finer: int) -> str:
        """The number, with more digits than usual unless it is whole."""
        whole = self.decimals == 0 and float(self.value).is_integer()
        text = f"{self.value:.{0 if whole else self.decimals + finer}f}"
        return text.removeprefix("-") if float(text) == 0.0 else text


@dataclass(frozen=True)
class Op:
    """Two expressions and what is done with them."""

    sign: str
    left: Expression
    right: Expression


Expression = Number | Op


def total(parts: Iterable[tuple[str, Expression]]) -> Expression:
    """A sum of signed parts, the first of which is added."""
    (_, first), *rest = parts
    return reduce(lambda left, part: Op(part[0], left, part[1]), rest, first)


def times(whole: Expression, factors: Iterable[tuple[str, str]]) -> Expression:
    """An expression multiplied and divided by plain numbers."""
    return reduce(lambda left, factor: Op(factor[0], left, Number(float(factor[1]))), factors, whole)


def worth(expression: Expression, finer: int) -> Fraction:
    """What an expression comes to, from its numbers as printed; per cent are hundredths."""
    if isinstance(expression, Number):
        return Fraction(expression.digits(finer)) / (100 if expression.unit == "%" else 1)
    left, right = worth(expression.left, finer), worth(expression.right, finer)
    if expression.sign == "÷":
        return left / right
    return {"＋": left + right, "−": left - right, "×": left * right}[expression.sign]


def written(expression: Expression, finer: int) -> str:
    """An expression in words."""
    if isinstance(expression, Number):
        return f"{expression.name}{expression.digits(finer)}{expression.unit}"
    left, right = written(expression.left, finer), written(expression.right, finer)
    rank = _RANK[expression.sign]
    if isinstance(expression.left, Op) and _RANK[expression.left.sign] < rank:
        left = f"（{left}）"
    if isinstance(expression.right, Op) and _RANK[expression.right.sign] < rank + (expression.sign in "−÷"):
        right = f"（{right}）"
    return f"{left}{expression.sign}{right}"


def equation(expression: Expression, result: Number) -> str | None:
    """``a÷b−1＝4.4%``: fewest digits with which it holds as printed; None where it never does."""
    for finer in range(_FINEST + 1):
        try:
            found = worth(expression, finer) * (100 if result.unit == "%" else 1)
        except ZeroDivisionError:
            return None
        if rounded(found, result.decimals) == Decimal(result.digits(0)):
            return f"{written(expression, finer)}＝{result.digits(0)}{result.unit}"
    return None


def rounded(value: Fraction, decimals: int) -> Decimal:
    """A fraction to so many digits, halves away from nought.

    >>> rounded(Fraction(45, 2), 0), rounded(Fraction(1, 3), 2)
    (Decimal('23'), Decimal('0.33'))
    """
    unit = 10**decimals
    whole = Decimal(value.numerator * unit) / Decimal(value.denominator)
    return whole.to_integral_value(ROUND_HALF_UP).scaleb(-decimals)
