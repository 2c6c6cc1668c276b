"""The commands that score shipped methods on files of others."""

from __future__ import annotations

from pathlib import Path

import click

from qxmonitor.terminal import Row, as_json, print_rows, reported


@click.group()
def evaluate() -> None:
    """Score a shipped method: on a file of your own, or the detectors on simulated firms."""


@evaluate.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Forecasts as csv.")
@click.option("--compare", is_flag=True, help="Also score Naive2, Theta and damped trend on the same file.")
@as_json
def forecast(path: Path, out: Path | None, compare: bool, json_out: bool) -> None:
    """Forecast the test months of a csv of monthly series (series,t,part,value); the score where labels are known."""
    from qxmonitor.evaluation import forecast as forecasting

    def line(row: Row) -> str:
        head = f"{row['method']}：{row['series']} 条序列，预测 {row['forecasts']} / {row['months']} 个月"
        if row["smape"] is None:
            return f"{head}，无实际值可评分"
        cover = "" if row["cover80"] is None else f"，80%/95% 区间覆盖 {row['cover80']:.1%} / {row['cover95']:.1%}"
        took = "" if row["seconds"] is None else f"，用时 {row['seconds']:.2f} 秒"
        return f"{head}，sMAPE {row['smape']:.2f}%{cover}{took}"

    with reported(json_out):
        print_rows(forecasting.evaluate(path, out, compare=compare), json_out, line)


@evaluate.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Scores as csv: row, score.")
@click.option("--compare", is_flag=True, help="Also score Altman's Z″ and the best single ratio on the same rows.")
@as_json
def stress(path: Path, out: Path | None, compare: bool, json_out: bool) -> None:
    """Financial stress of each firm of an ARFF file of ratios; rows are counted from 0, higher is worse."""
    from qxmonitor.evaluation import stress as stressing

    def line(row: Row) -> str:
        head = f"{row['method']}：{row['rows']} 家企业"
        if row["auc"] is None:
            return f"{head}，无标签可评分"
        return f"{head}，AUC {row['auc']:.3f}，最差 5% 中出险比例 {row['precision_worst5']:.1%}"

    with reported(json_out):
        print_rows(stressing.evaluate(path, out, compare=compare), json_out, line)


@evaluate.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Shifts as csv.")
@click.option("--compare", is_flag=True, help="Also score never saying anything.")
@click.option(
    "--each", type=click.IntRange(1, 500), default=10, show_default=True,
    help="Without a path: simulated series of each kind and length, without shifts and with.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(1, 10**6), default=401, show_default=True, help="Without a path.")
@as_json
def changepoints(path: Path | None, out: Path | None, compare: bool, each: int, seed: int, json_out: bool) -> None:
    """Level shifts of a series (json: name, time.index, series.raw) or a folder; without one, of simulated series."""
    from qxmonitor.evaluation import changepoints as shifting
    from qxmonitor.evaluation import shifted

    def simulated(row: Row) -> str:
        f1 = "" if row["f1"] is None else f"，有突变的序列 F1 {row['f1']:.3f}（不报 {row['never']:.3f}）"
        return f"{row['kind']}：无突变的序列误报 {row['false']:.1%}{f1}"

    if path is None:
        with reported(json_out):
            print_rows(shifted.score(each, seed), json_out, simulated)
        return

    def line(row: Row) -> str:
        head = f"{row['method']}：{row['series']} 条序列，水平突变 {row['shifts']} 处"
        return f"{head}，无标注可评分" if row["f1"] is None else f"{head}，平均 F1 {row['f1']:.3f}"

    with reported(json_out):
        print_rows(shifting.evaluate(path, out, compare=compare), json_out, line)


@evaluate.command()
@click.option("--firms", type=click.IntRange(20, 5000), default=800, show_default=True, help="Firms a simulated town.")
@click.option("--months", type=click.IntRange(36, 240), default=60, show_default=True, help="Months a town.")
@click.option("--seeds", type=click.IntRange(1, 200), default=20, show_default=True, help="Towns.")
@click.option(
    "--stl-seeds",
    type=click.IntRange(0, 200),
    default=0,
    show_default=True,
    help="Towns on which STL residuals are a rival too (slow; needs statsmodels).",
)
@click.option(
    "--series",
    type=click.Path(path_type=Path),
    default=None,
    help="Put the shifts into the series of this csv (as for forecast) instead of simulated ones.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for all figures and curves as csv, and a picture.",
)
@as_json
def detection(
    firms: int, months: int, seeds: int, stl_seeds: int, series: Path | None, out: Path | None, json_out: bool
) -> None:  # fmt: skip
    """Score the detectors on simulated firms: false alarms, falls caught, beside an oracle and today's practice."""
    from qxmonitor.evaluation import detection as scoring

    def line(row: Row) -> str:
        around = "" if row["lo"] is None else f"（{row['lo']:.4g} 至 {row['hi']:.4g}）"
        value = "—" if row["value"] is None else f"{row['value']:.4g}"
        return f"{row['measure']} · {row['method']} · {row['noise']}：{value}{around}"

    with reported(json_out):
        rows = scoring.score(firms, months, seeds, stl_seeds=stl_seeds, series=series, out=out)
        print_rows(rows, json_out, line)


@evaluate.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="The months as csv.")
@click.option("--series", default="", help="The id or name of the series, where the file holds several.")
@as_json
def alarms(path: Path, out: Path | None, series: str, json_out: bool) -> None:
    """Months at which the rules that judge a series by itself speak on one exported from a data terminal."""
    from qxmonitor.evaluation import alarms as judging

    def line(row: Row) -> str:
        return f"{row['period']} {row['level']} {row['why']}"

    with reported(json_out):
        print_rows(judging.evaluate(path, out, series), json_out, line)


@evaluate.command()
@click.option("--firms", type=click.IntRange(20, 5000), default=800, show_default=True, help="Firms a simulated town.")
@click.option("--months", type=click.IntRange(36, 240), default=60, show_default=True, help="Months a town.")
@click.option("--seeds", type=click.IntRange(1, 200), default=20, show_default=True, help="Towns.")
@click.option("--first-seed", type=click.IntRange(1, 10**6), default=1, show_default=True, help="Seed of the first.")
@click.option("--quiet-seeds", type=click.IntRange(1, 2000), default=None, help="Towns without events.  [as --seeds]")
@as_json
def marks(firms: int, months: int, seeds: int, first_seed: int, quiet_seeds: int | None, json_out: bool) -> None:
    """What each mark of the rule on own expectation costs and brings on simulated firms, and false discovery."""
    from qxmonitor.evaluation import marks as weighing

    def line(row: Row) -> str:
        value = "—" if row["value"] is None else f"{row['value']:.4g}"
        return f"{row['measure']} · {row['mark']:g}：{value}（{row['lo']:.4g} 至 {row['hi']:.4g}）"

    with reported(json_out):
        towns, quiet = (range(first_seed, first_seed + number) for number in (seeds, quiet_seeds or seeds))
        print_rows(weighing.score(firms, months, towns, quiet), json_out, line)


@evaluate.command()
@click.option("--firms", type=click.IntRange(100, 2000), default=800, show_default=True, help="Firms a simulated town.")
@click.option("--months", type=click.IntRange(36, 240), default=60, show_default=True, help="Months a town.")
@click.option("--seeds", type=click.IntRange(1, 200), default=20, show_default=True, help="Towns.")
@click.option("--first-seed", type=click.IntRange(1, 10**6), default=1, show_default=True, help="Seed of the first.")
@as_json
def shocks(firms: int, months: int, seeds: int, first_seed: int, json_out: bool) -> None:
    """What each mark of the notice of a lead firm's shock costs and brings on simulated towns."""
    from qxmonitor.evaluation import shocks as weighing

    def line(row: Row) -> str:
        value = "—" if row["value"] is None else f"{row['value']:.4g}"
        around = "" if row["lo"] is None else f"（{row['lo']:.4g} 至 {row['hi']:.4g}）"
        return f"{row['measure']} · {row['strength']:g}：{value}{around}"

    with reported(json_out):
        print_rows(weighing.score(firms, months, range(first_seed, first_seed + seeds)), json_out, line)


COMMANDS = (evaluate,)
