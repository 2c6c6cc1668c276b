"""Loads a catalogue file into pydantic models, and says which line is wrong when one is."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from qxmonitor.errors import CatalogError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

HERE = Path(__file__).parent

_CHINESE = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项，是否写错",
    "literal_error": "只能是 {expected}",
    "string_type": "应为文字",
    "string_pattern_mismatch": "写法不对",
    "string_too_short": "太短，至少 {min_length} 个字",
    "string_too_long": "太长，至多 {max_length} 个字",
    "too_short": "至少要有 {min_length} 个",
    "bool_type": "只能是 true 或 false",
    "bool_parsing": "只能是 true 或 false",
    "date_type": "应为日期，如 2026-11-01",
    "date_parsing": "应为日期，如 2026-11-01",
    "date_from_datetime_parsing": "应为日期，如 2026-11-01",
    "date_from_datetime_inexact": "应为日期，如 2026-11-01",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "tuple_type": "应为列表",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不得小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "不得大于 {le}",
}
"""Kinds of error that an office meets when it edits a file, in its language."""


class Entry(BaseModel):
    """Base of every catalogue model: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


E = TypeVar("E", bound=Entry)


def load(name: str, model: type[E], folder: Path = HERE) -> E:
    """Read ``<folder>/<name>.yml`` as one ``model``.

    Raises:
        CatalogError: with the file, the line and the reason in one line.
    """
    path = folder / f"{name}.yml"
    try:
        reader = _Core(path.read_text(encoding="utf-8"))
        tree = reader.get_single_node()
        plain = reader.construct_document(tree) if tree else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"第 {mark.line + 1} 行" if mark else ""
        raise CatalogError(f"{path.name} {line} 不是有效的 YAML：{getattr(error, 'problem', error)}") from None
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        # A misspelt key shows as two errors, one unknown and one missing; the unknown one has a line.
        first = max(error.errors(), key=lambda found: found["type"] == "extra_forbidden")
        where = ".".join(str(part) for part in first["loc"])
        raise CatalogError(f"{path.name} 第 {_line(tree, first['loc'])} 行 {where}：{_words(first)}") from None


def _words(error: ErrorDetails) -> str:
    """What pydantic found, in the office's language; its own words where there are none here."""
    if error["type"] == "value_error":  # a validator of ours
        return str(error["ctx"]["error"])
    form = _CHINESE.get(error["type"])
    return form.format(**error.get("ctx", {})).replace(" or ", " 或 ") if form else error["msg"]


def _line(tree: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The nearest line known to the YAML tree on the way to a location (1-based)."""
    line = 1
    for part in location:
        if isinstance(tree, yaml.MappingNode):
            found = next(((key, value) for key, value in tree.value if key.value == str(part)), None)
        elif isinstance(tree, yaml.SequenceNode) and isinstance(part, int) and part < len(tree.value):
            found = (tree.value[part], tree.value[part])
        else:
            found = None
        if found is None:
            break
        line, tree = found[0].start_mark.line + 1, found[1]
    return line


class _Core(yaml.CSafeLoader):
    """YAML as offices mean it: ``no`` is a word, ``08:30`` and ``0110`` are texts, keys are texts and come once."""

    yaml_implicit_resolvers = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping with text keys.

        Raises:
            yaml.YAMLError: a key comes twice, or is no text.
        """
        found: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in found:
                wrong = f"“{key.value}”写了两次" if isinstance(key, yaml.ScalarNode) else "键只能是文字"
                raise yaml.constructor.ConstructorError(None, None, wrong, key.start_mark)
            found[str(key.value)] = self.construct_object(value, deep=deep)
        return found


for _tag, _form, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?", list("-+0123456789.")),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", list("0123456789")),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_form})$"), _first)
