"""Reads the arithmetic out of a printed example and does it again, from the printed numbers alone."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

_PIECES = re.compile(r"[：；，。、]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?%?")
_OPERATORS = str.maketrans({"＋": "+", "−": "-", "×": "*", "÷": "/", "（": "(", "）": ")"})


def equations(text: str) -> list[tuple[Fraction, str]]:
    """What stands left of every ＝, worked out, and the number right of it with its %, as printed."""
    found = []
    for piece in _PIECES.split(text):
        left, mark, right = piece.partition("＝")
        if not mark or not re.search(r"[＋−×÷]", left):
            continue
        number = _NUMBER.search(right)
        assert number is not None, text
        found.append((_worth(left), number[0]))
    return found


def holds(worth: Fraction, printed: str) -> bool:
    """Whether a value is what is printed, to its last digit."""
    whole = worth * (100 if printed.endswith("%") else 1)
    shown = Decimal(printed.removesuffix("%"))
    last = Fraction(Decimal(1).scaleb(int(shown.as_tuple().exponent)))
    return abs(whole - Fraction(shown)) <= last / 2


def _worth(text: str) -> Fraction:
    """An expression with words and units left out; % are hundredths."""
    bare = re.sub(r"[^0-9.%＋−×÷（）-]", "", text).translate(_OPERATORS)
    spelt = _NUMBER.sub(_fraction, _unary(bare))
    assert re.fullmatch(r"[-+*/()\d,F ]+", spelt), text
    found = eval(spelt, {"__builtins__": {}, "F": Fraction})  # nothing but numbers and signs is left in it
    assert isinstance(found, Fraction)
    return found


def _unary(bare: str) -> str:
    """A subtraction apart from the number behind it, so that only a negative number keeps its sign."""
    return re.sub(r"(?<=[\d%)])-", " - ", bare)


def _fraction(number: re.Match[str]) -> str:
    value = Fraction(number[0].removesuffix("%")) / (100 if number[0].endswith("%") else 1)
    return f"F({value.numerator},{value.denominator})"
