"""Great Expectations' own Data Docs pages, made to stand alone: nothing is loaded from elsewhere, no script runs.

The library's pages fetch scripts, styles and pictures from a dozen addresses of other people each time they are opened;
an office's network is closed, and who opens which page is nobody's business. What is fetched is taken out, and the page
stays readable. A page is made either from summaries, which never held a value, or from rows, and then it shows them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from qxmonitor.quality.measures import MEASURES
from qxmonitor.quality.suites import expanded, suite
from qxmonitor.quality.verdicts import _library

_STYLE = """<style>body{font:15px/1.7 "Noto Sans CJK SC","Microsoft YaHei",sans-serif;max-width:60em;margin:2em auto;
padding:0 1em;color:#222}table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3em .6em;
vertical-align:top;text-align:left}.collapse{display:block}ul{list-style:none;padding-left:0}</style>"""
_POLICY = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
_FETCHED = (
    (re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(r"<style\b.*?</style>", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"<(?:link|img|iframe)\b[^>]*>", re.IGNORECASE), ""),
    (re.compile(r"<(?:button|input|form)\b[^>]*>|</(?:button|form)>", re.IGNORECASE), ""),
    (re.compile(r"<a\b[^>]*>(.*?)</a>", re.DOTALL | re.IGNORECASE), r"\1"),
    (re.compile(r"<p>\s*Stay current on everything GX.*?</p>", re.DOTALL), ""),
    (re.compile(r"\s(?:on\w+|style|src|href)=\"[^\"]*\"", re.IGNORECASE), ""),
)
_QUIET = {"raised_exception": False, "exception_message": None, "exception_traceback": None}


def page_of_counts(title: str, when: str, table: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """The Data Docs page of one file and suite from its stored summaries: it cannot show a value, having seen none.

    Args:
        title: of the run, such as the file's number.
        when: ISO time the file became known.
        table: whose suite.
        rows: ``rule``, ``field``, ``evaluated``, ``unexpected`` of rules of the suite; others are passed over.
    """
    _library()
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    rules = {rule.id: rule for rule in suite(table).expectations}
    results = []
    for row in rows:
        rule = rules.get(str(row["rule"]))
        if rule is None:
            continue
        seen, broken = int(row["evaluated"]), int(row["unexpected"])
        share = 100.0 * broken / seen if seen else 0.0
        severity: Any = rule.severity  # the library takes its words
        configuration = ExpectationConfiguration(
            type=rule.type, kwargs={"column": str(row["field"]), **rule.kwargs}, severity=severity,
            meta={"id": rule.id}, notes=rule.meta.reason,
        )  # fmt: skip
        counted = {
            "element_count": seen, "unexpected_count": broken, "unexpected_percent": share, "missing_count": 0,
            "missing_percent": 0.0, "unexpected_percent_total": share, "unexpected_percent_nonmissing": share,
            "partial_unexpected_list": [],
        }  # fmt: skip
        results.append(
            ExpectationValidationResult(
                success=broken == 0, expectation_config=configuration, result=counted, meta={}, exception_info=_QUIET
            )
        )
    return _page(title, when, table, results)


def page_of_rows(title: str, when: str, table: str, frame: pd.DataFrame) -> str:
    """The Data Docs page of rows as they were read, offending values included: for the statistical channel only."""
    gx = _library()
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    measures = MEASURES.get(table, {})
    columns = {
        name: measures[name](frame) if name in measures else frame[name].reset_index(drop=True)
        for name in sorted(suite(table).columns)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
        context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=stores))
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        asset = context.data_sources.add_pandas("batch").add_dataframe_asset(table)
        whole = asset.add_batch_definition_whole_dataframe("whole")
        chosen = gx.ExpectationSuite(name=table, expectations=[dict(entry) for entry in expanded(table)])
        judged = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
        results = list(whole.get_batch({"dataframe": judged}).validate(chosen, result_format="SUMMARY").results)
    labels = {entry["kwargs"]["column"]: entry["meta"]["field"] for entry in expanded(table)}
    for result in results:
        result.expectation_config.kwargs["column"] = labels[result.expectation_config.kwargs["column"]]
    return _page(title, when, table, results)


def _page(title: str, when: str, table: str, results: list[Any]) -> str:
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

    good = sum(bool(result.success) for result in results)
    whole = ExpectationSuiteValidationResult(
        results=results,
        success=good == len(results),
        suite_name=table,
        statistics={
            "evaluated_expectations": len(results), "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100.0 * good / len(results) if results else None,
        },
        meta={"run_id": {"run_name": title, "run_time": when}, "batch_spec": {},
              "active_batch_definition": {"data_asset_name": table}, "great_expectations_version": ""},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        renderer, view = _renderers()
        html: str = view.render(renderer.render(whole))
    return alone(html)


@lru_cache(maxsize=1)
def _renderers() -> tuple[Any, Any]:
    """The library's renderer and view, made once: the view compiles its templates anew each time it is made."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    build_view: Any = DefaultJinjaPageView
    return ValidationResultsPageRenderer(), build_view()


def alone(html: str) -> str:
    """A page without anything that is fetched, runs or leads out of it."""
    for pattern, replacement in _FETCHED:
        html = pattern.sub(replacement, html)
    return html.replace("<head>", f'<head><meta charset="utf-8">{_POLICY}{_STYLE}', 1)
