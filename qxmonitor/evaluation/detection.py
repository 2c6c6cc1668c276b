"""One scorer for all detectors: false alarms, what is caught and how early, at matched false-alarm rates.

False alarms are counted on judged months in which nothing happens, of towns with events at the fixed prevalence. What
is caught is counted on the same shifts put into every firm. Rivals are matched within each band of noise: each one's
threshold is moved, band by band, until it alarms falsely as often as the shipped detector does there. The oracle is
given the shipped detector's overall false-alarm rate and one threshold for all firms, which suits it best. Intervals
(95 %) come from the spread between seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from qxmonitor.evaluation import curves, prevalence
from qxmonitor.evaluation.injected import BAND_WORDS, SCENARIOS, Ints, Sample, caught, put_in, real, simulated
from qxmonitor.evaluation.rivals import FIXED, RIVALS, oracle, stl_residual, year_on_year
from qxmonitor.indicators.smoothing import Flags, Floats
from qxmonitor.signals.detect import detect
from qxmonitor.signals.detect.expect import AGES
from qxmonitor.signals.detect.judged import THRESHOLD

OURS, ORACLE, STL = "qxmonitor", "oracle", "stl"
ANY_DATE = "oracle_any_date"
"""The same oracle, when it is not told that only the first two months count: a shift of any of eight ages."""
LATER = 48
"""Months of history from which the score is also given alone."""
_LONG = 6
_Z = 1.96
Row = dict[str, Any]


@dataclass
class Scored:
    """What one method said in one sample: its statistic in quiet months, and on each scenario's series."""

    quiet: Floats
    shifts: dict[str, Floats] = field(default_factory=dict)


@dataclass
class Run:
    """One sample (seed) with everything said about it."""

    sample: Sample
    band: Ints
    """``(q,)`` band of each quiet month."""
    early: Flags
    """``(q,)`` whether it is in January to March."""
    starts: dict[str, Ints]
    said: dict[str, Scored]
    fixed: tuple[float, float]
    """Share of quiet months, and of those in January to March, at which the fixed rule speaks."""
    episodes: prevalence.Counts | None


def score(
    firms: int, months: int, seeds: int, *, stl_seeds: int = 0, series: Path | None = None, out: Path | None = None
) -> list[Row]:
    """Score on simulated towns, or on a file of series with the same shifts put in.

    Args:
        firms: firms a town.
        months: months a town, at least 36.
        seeds: towns (with a file: how often shifts are drawn).
        stl_seeds: on how many of them STL is a rival too (slow: a decomposition for every month judged).
        series: the file, as for ``evaluate forecast``.
        out: folder for ``detection.csv``, ``curves.csv`` and ``curves.png``.

    Raises:
        Refused: the file cannot be read.
        QxError: STL is asked for and statsmodels is not installed.
    """
    begun = time.perf_counter()
    base = None if series is None else real(series)
    runs = [_run(base or simulated(firms, months, seed), seed, stl=seed <= stl_seeds) for seed in range(1, seeds + 1)]
    rows = [*_false_alarms(runs), *_detections(runs), *_fixed(runs, firms)]
    if runs[0].episodes is not None:
        rows += prevalence.rows([run.episodes for run in runs if run.episodes is not None])
    rows.append(_row("seconds", OURS, "", time.perf_counter() - begun))
    if out is not None:
        curves.write(out, rows, _curves(runs))
    return rows


def _statistic(sample: Sample, values: Floats) -> Floats:
    """The shipped detector's evidence; merged series are given as their returns say it, February for both months."""
    merged = sample.merged[:, None] & (sample.month == 2)
    return detect(np.where(merged, 2 * values, values), sample.festival, sample.january, merged=merged).evidence


def _run(sample: Sample, seed: int, *, stl: bool) -> Run:
    rng = np.random.default_rng([seed, 67])
    shifted = {name: put_in(sample, scenario, rng) for name, scenario in SCENARIOS.items()}
    methods: dict[str, Callable[[Floats], Floats]] = {OURS: lambda values: _statistic(sample, values), **RIVALS}
    own = _statistic(sample, sample.values)
    quiet = sample.quiet & np.isfinite(own)
    said = {}
    for name, method in methods.items():
        said[name] = Scored((own if name == OURS else method(sample.values))[quiet])
        said[name].shifts = {key: method(values) for key, (values, _) in shifted.items()}
    if stl:
        said[STL] = Scored(stl_residual(sample.values, quiet)[quiet])
        for key in ("fall25", "stop", "drift10"):
            values, start = shifted[key]
            age = np.arange(values.shape[1]) - start[:, None]
            said[STL].shifts[key] = stl_residual(values, (age >= 0) & (age <= _LONG + 1))
    if sample.town is not None:
        for key, scenario in SCENARIOS.items():
            if scenario.shape is not None:
                name = f"{ORACLE}:{key}"
                said[name] = Scored(oracle(sample.town, sample.values, scenario.shape)[quiet])
                said[name].shifts[key] = oracle(sample.town, shifted[key][0], scenario.shape)
        shape = SCENARIOS["fall25"].shape
        assert shape is not None
        ages = replace(shape, weights=(1 / AGES,) * AGES)
        said[ANY_DATE] = Scored(oracle(sample.town, sample.values, ages)[quiet])
        said[ANY_DATE].shifts["fall25"] = oracle(sample.town, shifted["fall25"][0], ages)
    fell = year_on_year(sample.values) >= -np.log(1 - FIXED)
    early = np.isin(sample.month, (1, 2, 3))
    return Run(
        sample,
        np.broadcast_to(sample.band[:, None], quiet.shape)[quiet],
        np.broadcast_to(early, quiet.shape)[quiet],
        {key: start for key, (_, start) in shifted.items()},
        said,
        (float(fell[quiet].mean()), float(fell[quiet & early].mean()) if (quiet & early).any() else np.nan),
        prevalence.count(sample, own) if sample.town is not None else None,
    )


def _row(measure: str, method: str, band: str, value: float, spread: float | None = None, **more: Any) -> Row:
    """A line of the result; ``lo`` and ``hi`` are the 95 % interval."""
    low, high = (None, None) if spread is None else (round(value - spread, 5), round(value + spread, 5))
    shown = None if np.isnan(value) else round(float(value), 5)
    return {"measure": measure, "method": method, "noise": band, "value": shown, "lo": low, "hi": high, **more}


def _mean(parts: list[float]) -> tuple[float, float | None]:
    """Mean over seeds, and half the width of its 95 % interval."""
    known = np.array([p for p in parts if not np.isnan(p)])
    if not known.size:
        return np.nan, None
    return float(known.mean()), float(_Z * known.std(ddof=1) / np.sqrt(known.size)) if known.size > 1 else None


def _false_alarms(runs: list[Run]) -> list[Row]:
    rows = []
    speaks = [run.said[OURS].quiet >= THRESHOLD for run in runs]
    rows.append(_row("false_alarms", OURS, "all", *_mean([float(s.mean()) for s in speaks]),
                     months=sum(s.size for s in speaks)))  # fmt: skip
    for number, word in enumerate(BAND_WORDS):
        parts = [s[run.band == number] for run, s in zip(runs, speaks, strict=True)]
        rows.append(_row("false_alarms", OURS, word, *_mean([float(p.mean()) if p.size else np.nan for p in parts])))
    if any(run.early.any() for run in runs):
        ratio = [float(s[run.early].mean() / s[~run.early].mean()) for run, s in zip(runs, speaks, strict=True)]
        first, rest = (np.concatenate([s[run.early == e] for run, s in zip(runs, speaks, strict=True)]).mean()
                       for e in (True, False))  # fmt: skip
        rows.append(_row("january_march_ratio", OURS, "all", float(first / rest), _mean(ratio)[1]))
    return rows


def _thresholds(runs: list[Run], method: str) -> Floats:
    """By band, where the method alarms as often on quiet months as the shipped detector does; ``(bands,)``."""
    if method == OURS:
        return np.full(len(BAND_WORDS), THRESHOLD)
    with_it = [run for run in runs if method in run.said]
    own = np.concatenate([run.said[OURS].quiet for run in with_it]) >= THRESHOLD
    its = np.concatenate([run.said[method].quiet for run in with_it])
    band = np.concatenate([run.band for run in with_it])
    told = ~np.isnan(its)
    if method.startswith(ORACLE):
        return np.full(len(BAND_WORDS), np.quantile(its[told], 1 - own.mean()))
    found = []
    for number in range(len(BAND_WORDS)):
        some = told & (band == number)
        rate = own[band == number].mean() if (band == number).any() else 0.0
        found.append(np.quantile(its[some], 1 - rate) if some.any() else np.inf)
    return np.array(found)


def _detections(runs: list[Run]) -> list[Row]:
    rows = []
    methods = [OURS, *RIVALS, *([STL] if STL in runs[0].said else [])]
    for key, scenario in SCENARIOS.items():
        for method in [*methods, f"{ORACLE}:{key}", ANY_DATE]:
            with_it = [run for run in runs if method in run.said and key in run.said[method].shifts]
            if with_it:
                rows += _caught(with_it, key, scenario.within, method, _thresholds(with_it, method))
    return rows


def _caught(runs: list[Run], key: str, within: int, method: str, thresholds: Floats) -> list[Row]:
    measure = f"caught:{key}"
    hits, took = [], []
    for run in runs:
        statistic, start = run.said[method].shifts[key], run.starts[key]
        hits.append(caught(statistic, thresholds[run.sample.band], start, within)[0])
        took.append(caught(statistic, thresholds[run.sample.band], start, _LONG)[1])
    groups: dict[str, list[Flags]] = {
        word: [run.sample.band == number for run in runs] for number, word in enumerate(BAND_WORDS)
    }
    groups["≤.10"] = [run.sample.band <= 1 for run in runs]
    groups["all"] = [np.ones(run.sample.band.shape, dtype=np.bool_) for run in runs]
    groups[f"all, {LATER} months before"] = [run.starts[key] >= LATER for run in runs]
    name = method.split(":")[0]
    rows = []
    for word, chosen in groups.items():
        part = [float(h[c].mean()) if c.any() else np.nan for h, c in zip(hits, chosen, strict=True)]
        late = [float(t[c].mean()) if c.any() else np.nan for t, c in zip(took, chosen, strict=True)]
        rows.append(_row(measure, name, word, *_mean(part), within=within, months_taken=_rounded(_mean(late)[0]),
                         series=int(sum(c.sum() for c in chosen))))  # fmt: skip
    return rows


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 3)


def _fixed(runs: list[Run], firms: int) -> list[Row]:
    """What today's fixed rule costs: false alarms a month on as many firms."""
    rows = [_row("fixed_rule_false_alarms_a_month", "yoy", "all", *_scaled([r.fixed[0] for r in runs], firms))]
    early = [r.fixed[1] for r in runs]
    if not all(np.isnan(early)):
        rows.append(_row("fixed_rule_false_alarms_a_month_january_march", "yoy", "all", *_scaled(early, firms)))
    return rows


def _scaled(parts: list[float], times: int) -> tuple[float, float | None]:
    value, spread = _mean(parts)
    return value * times, None if spread is None else spread * times


def _curves(runs: list[Run]) -> list[Row]:
    """Falls caught within two months against false alarms, by method and band, threshold by threshold."""
    rows = []
    key = "fall25"
    methods = [OURS, *RIVALS, *([STL] if STL in runs[0].said else []), f"{ORACLE}:{key}"]
    for method in methods:
        with_it = [run for run in runs if method in run.said]
        for number, word in enumerate(BAND_WORDS if with_it else ()):
            quiet = np.concatenate([run.said[method].quiet[run.band == number] for run in with_it])
            quiet = quiet[~np.isnan(quiet)]
            if not quiet.size:
                continue
            for rate in curves.RATES:
                threshold = float(np.quantile(quiet, 1 - rate))
                found = [
                    caught(run.said[method].shifts[key], threshold, run.starts[key], 2)[0][run.sample.band == number]
                    for run in with_it
                ]
                rows.append({"method": method.split(":")[0], "noise": word, "false_alarms": rate,
                             "threshold": round(threshold, 5),
                             "caught": round(float(np.concatenate(found).mean()), 5)})  # fmt: skip
    return rows
