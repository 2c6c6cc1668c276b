"""Rendering for one reader: a template's expressions print cleared values of that reader and nothing else.

The environment is sandboxed, strict about undefined names, has no globals, and its ``finalize`` refuses whatever is
not :class:`~qxmonitor.disclosure.Cleared` (or a picture) of the bound reader. So a template that asks for more, or
text put together in Python, does not render; it raises :class:`~qxmonitor.errors.DisclosureError`.

Documents are written from *scripts*: templates of which every line begins with a marker (``p:``, ``h1:`` …).
Cleared texts are single lines, so a name can never become a heading or a table of its own.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from jinja2 import BytecodeCache, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from qxmonitor.delivery.words import FILTERS
from qxmonitor.disclosure.cleared import Cleared, Picture, seal
from qxmonitor.errors import DisclosureError, QxError
from qxmonitor.settings import ROOT

TEMPLATES = ROOT / "templates"
MARKERS = ("title", "sub", "h1", "h2", "p", "table", "chart", "note")


@dataclass(frozen=True)
class Line:
    """One line of a script: its marker, and its text for the bound reader."""

    marker: str
    text: Cleared


class Renderer:
    """The templates, bound to one reader."""

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self._html = _environment(reader, autoescape=True)
        self._text = _environment(reader, autoescape=False)

    def html(self, template: str, view: Any) -> str:
        """Render an html template.

        Raises:
            DisclosureError: it prints something not cleared for this reader.
        """
        return _render(self._html, template, self._context(view))

    def text(self, template: str, view: Any) -> str:
        """Render a plain text template; raises as :meth:`html`."""
        return _render(self._text, template, self._context(view))

    def script(self, template: str, view: Any) -> tuple[Line, ...]:
        """Render a document script into its lines; raises as :meth:`html`."""
        return tuple(self._line(text) for text in self.text(template, view).splitlines() if text.strip())

    def words(self, template: str, view: Any) -> Cleared:
        """Render a one-line template (a subject, a file name) as a cleared text; raises as :meth:`html`."""
        return seal(self.text(template, view), reader=self.reader, source="rendered", ref=template, limit=None)

    def _line(self, text: str) -> Line:
        marker, colon, rest = text.partition(":")
        if not colon or marker.strip() not in MARKERS:
            raise QxError(f"文稿模板有一行没有标记：{text[:20]}")
        sealed = seal(rest, reader=self.reader, source="rendered", ref="script", limit=None)
        return Line(marker.strip(), sealed)

    def _context(self, view: Any) -> dict[str, Any]:
        if not dataclasses.is_dataclass(view) or isinstance(view, type):
            raise DisclosureError("文稿内容须为核准值构成的视图")
        check(view, self.reader)
        return {field.name: getattr(view, field.name) for field in dataclasses.fields(view)}


def put(value: object, reader: str) -> str:
    """The text of a cleared value for the document of ``reader``: the one way into a document.

    Raises:
        DisclosureError: the value is not cleared, or for somebody else.
    """
    if not isinstance(value, Cleared):
        raise DisclosureError(f"未经核准的内容不得写入文稿：{type(value).__name__}")
    if value.reader != reader:
        raise DisclosureError(f"此内容核准给 {value.reader}，不得写入 {reader} 的文稿")
    return value.text


def check(view: object, reader: str) -> None:
    """Refuse a view that holds anything but cleared values of the reader (in dataclasses, tuples, mappings).

    Raises:
        DisclosureError: it does.
    """
    if isinstance(view, Cleared | Picture):
        if view.reader != reader:
            raise DisclosureError(f"此内容核准给 {view.reader}，不得写入 {reader} 的文稿")
    elif isinstance(view, tuple):
        for item in view:
            check(item, reader)
    elif isinstance(view, Mapping):
        for item in view.values():
            check(item, reader)
    elif dataclasses.is_dataclass(view) and not isinstance(view, type):
        for field in dataclasses.fields(view):
            check(getattr(view, field.name), reader)
    elif view is not None and not isinstance(view, bool):
        raise DisclosureError(f"未经核准的内容不得写入文稿：{type(view).__name__}")


class _Compiled(BytecodeCache):
    """Compiled templates of this process, by their text: compiling one costs ten times a rendering.

    Readers may share them. What is printed is decided by the environment that runs the code, and nothing of a
    template is decided beforehand, since ``finalize`` refuses its constants.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._known[bucket.key, bucket.checksum] = bucket.code


_compiled = {True: _Compiled(), False: _Compiled()}
"""By whether values are escaped, which is in the code."""


def _environment(reader: str, *, autoescape: bool) -> ImmutableSandboxedEnvironment:
    def finalize(value: object) -> str:
        if isinstance(value, Picture) and value.reader == reader:
            return "data:image/png;base64," + base64.b64encode(value.png).decode("ascii")
        return put(value, reader)

    environment = ImmutableSandboxedEnvironment(
        loader=_loader(),
        undefined=StrictUndefined,
        autoescape=autoescape,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        bytecode_cache=_compiled[autoescape],
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update(FILTERS)
    return environment


@lru_cache(maxsize=1)
def _loader() -> FileSystemLoader:
    return FileSystemLoader(TEMPLATES)


def _render(environment: ImmutableSandboxedEnvironment, template: str, context: dict[str, Any]) -> str:
    try:
        return environment.get_template(template).render(context)
    except TemplateError as error:
        raise DisclosureError(f"模板 {template} 要用未提供的内容：{error}") from None
