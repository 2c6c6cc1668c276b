"""The commands of alerts: answering them, noting what was found, silencing, saying why and why not, drills."""

from __future__ import annotations

from datetime import datetime

import click

from qxmonitor.period import Period
from qxmonitor.terminal import PERIOD, TIME, Row, answer, as_json, known_at_option, print_rows, reported

_done_at = click.option("--known-at", type=TIME, default=None, help="When it was done; default now.")
_who = click.option("--who", required=True, help="Who.")
_why = click.option("--why", required=True, help="The reason; kept, and shown where the alert is.")


@click.group()
def alert() -> None:
    """Answer a risk notice, or note what verifying it found; every act is kept with who and why."""


def _act(name: str, summary: str) -> None:
    """One of the commands by which a person answers an alert."""

    @alert.command(name=name, help=summary)
    @click.argument("alert_id", metavar="ALERT")
    @_who
    @_why
    @_done_at
    @as_json
    def command(alert_id: str, who: str, why: str, known_at: datetime | None, json_out: bool) -> None:
        from qxmonitor import alerting

        answer(
            lambda wh: ([alerting.act(wh, name, alert_id, who=who, why=why, known_at=known_at)], True), json_out, _line
        )


_act("acknowledge", "Acknowledge it (已签收): it was read, and somebody will see to it.")
_act("take", "Take it in hand (处置中).")
_act("resolve", "Say that it is dealt with (已处置、待复核); the next quiet verdict closes it.")
_act("close", "Close it by hand; it comes back only when it gets worse, or again after it was better.")
_act("reopen", "Open a closed one again.")


@alert.command()
@click.argument("alert_id", metavar="ALERT")
@click.argument("label", type=click.Choice(["true", "false", "explained"]))
@_who
@_why
@click.option("--cause", default="", help="The verified cause; printed in the next briefing.")
@_done_at
@as_json
def outcome(
    alert_id: str, label: str, who: str, why: str, cause: str, known_at: datetime | None, json_out: bool
) -> None:  # fmt: skip
    """Note what verifying found: true, false alarm, or explained; true of a month without an alert is a miss."""
    from qxmonitor import alerting

    answer(
        lambda wh: ([alerting.act(wh, label, alert_id, who=who, why=why, cause=cause, known_at=known_at)], True),
        json_out, _line,
    )  # fmt: skip


def _line(row: Row) -> str:
    from qxmonitor.catalog.alerting import alerting as words

    known = "" if row["new"] else "（此前已记录）"
    if row["kind"] in words().outcomes:
        missed = "，当月没有这项提示，记为漏报" if row["missed"] else ""
        return f"{row['alert']}：核实结论 {words().outcomes[row['kind']]}{missed}{known}"
    return f"{row['alert']}：{words().states[row['state']]}{known}"


@click.group()
def silence() -> None:
    """Silences: alerts that are listed and not mailed for some months, with who answers for it and why."""


@silence.command(name="add")
@click.option("--rule", default="*", help="A rule's id; * is any.")
@click.option("--entity-kind", "kind", default="*", help="firm, node, chain or town.")
@click.option("--entity", default="*", help="A firm's code, a chain's, a node's (chain/node) or 'town': it alone.")
@click.option("--chain", default="*", help="A chain's code: the chain, its nodes and its firms.")
@click.option("--from", "first", type=PERIOD, required=True, help="First month.")
@click.option("--until", "last", type=PERIOD, required=True, help="Last month.")
@_who
@_why
@_done_at
@as_json
def add(
    rule: str, kind: str, entity: str, chain: str, first: Period, last: Period, who: str, why: str,
    known_at: datetime | None, json_out: bool,
) -> None:  # fmt: skip
    """Silence alerts; who and why are printed in the briefings while it holds.

    The very same again is nothing new, and said to be (exit 0); one that was ended early is refused (exit 1).
    """
    from qxmonitor import alerting

    answer(
        lambda wh: (
            [alerting.silence(wh, rule=rule, kind=kind, entity=entity, chain=chain, first=first, last=last, who=who,
                              why=why, known_at=known_at)],
            True,
        ),
        json_out, _silence_line,
    )  # fmt: skip


@silence.command()
@click.argument("silence_id", metavar="SILENCE")
@click.option("--last", type=PERIOD, default=None, help="Its last month; default the newest released one.")
@_who
@_why
@_done_at
@as_json
def end(
    silence_id: str, last: Period | None, who: str, why: str, known_at: datetime | None, json_out: bool
) -> None:  # fmt: skip
    """End a silence before its time."""
    from qxmonitor import alerting

    answer(
        lambda wh: ([alerting.end_silence(wh, silence_id, last=last, who=who, why=why, known_at=known_at)], True),
        json_out, _silence_line,
    )  # fmt: skip


@silence.command(name="list")
@known_at_option
@as_json
def list_(known_at: datetime | None, json_out: bool) -> None:
    """All silences, and which hold in the newest released month, are to come or are over."""
    from qxmonitor import alerting

    answer(lambda wh: (alerting.silences(wh, known_at), True), json_out, _silence_line)


def _silence_line(row: Row) -> str:
    what = " ".join(str(row[name]) for name in ("rule", "entity_kind", "entity", "chain"))
    known = "" if row.get("new", True) else "（此前已登记，未重复登记）"
    span = f"{row['first']}—{row['last']}"
    return f"{row['silence_id']}  [{row['state_name']}] {what}  {span}  {row['who']}：{row['why']}{known}"


@click.command()
@click.argument("alert", metavar="ALERT|IDENTITY")
@click.option("--period", type=PERIOD, default=None, help="The month asked about; default all, or the newest run.")
@as_json
def explain(alert: str, period: Period | None, json_out: bool) -> None:
    """Say why an alert stands as it does, or why there is none, and why it was mailed or was not."""
    from qxmonitor import explaining

    answer(
        lambda wh: (explaining.explain(wh, alert, period), True), json_out,
        lambda row: f"{row['period']}  {row['words']}",
    )  # fmt: skip


@click.command()
@click.argument("name", metavar="PLAN|RULE")
@click.option("--level", type=click.Choice(["blue", "yellow", "orange", "red"]), default="red", show_default=True)
@as_json
def drill(name: str, level: str, json_out: bool) -> None:
    """Rehearse a response plan: what would be mailed to whom, marked 演练; nothing is sent, nothing is written."""
    from qxmonitor import drilling
    from qxmonitor.settings import Settings

    with reported(json_out):
        rows = drilling.drill(name, level, Settings.from_env().now())
        print_rows(rows, json_out, lambda row: f"━━ {row['name']}（{row['role']}） {row['subject']}\n\n{row['text']}\n")


COMMANDS = (alert, silence, explain, drill)
