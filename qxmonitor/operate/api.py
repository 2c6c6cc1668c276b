"""Airflow's REST API as an operator uses it: trigger, backfill, wait, approve."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Self

import httpx

from qxmonitor.errors import QxError
from qxmonitor.operate.environment import PORT, USER, secret
from qxmonitor.period import Period
from qxmonitor.settings import Settings

Row = dict[str, Any]
UNFINISHED = ("queued", "running")
_QUIET_LOOKS = 4
POLL = 1.0
"""Seconds between looks while waiting: every look costs the API server, which shares the cores with the work."""


class Api:
    """One user's access to the API of an installation on this machine."""

    def __init__(self, settings: Settings, *, port: int = PORT, user: str = USER) -> None:
        self._user, self._password = user, secret(settings, "password")
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0, trust_env=False)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- asking ----------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One call; signs in when it has to.

        Raises:
            QxError: the API cannot be reached or says no; the line carries its answer.
        """
        try:
            if "authorization" not in self._client.headers:
                self._sign_in()
            answer = self._client.request(method, f"/api/v2{path}", **options)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._sign_in()
                answer = self._client.request(method, f"/api/v2{path}", **options)
        except httpx.HTTPError as error:
            raise QxError(f"调度服务没有应答：{type(error).__name__}") from None
        if answer.is_error:
            raise QxError(f"调度服务拒绝（{answer.status_code}）：{answer.text[:300]}")
        return answer.json() if answer.content else None

    def _sign_in(self) -> None:
        answer = self._client.post("/auth/token", json={"username": self._user, "password": self._password})
        if answer.is_error:
            raise QxError(f"调度服务不接受登录（{answer.status_code}）")
        self._client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"

    def health(self) -> dict[str, str]:
        """Status of each part, such as ``scheduler: healthy``; empty while the API does not answer."""
        try:
            found = self.call("GET", "/monitor/health")
        except QxError:
            return {}
        return {name: str(part.get("status")) for name, part in found.items()}

    def dags(self) -> dict[str, Row]:
        """Every DAG by its id."""
        return {row["dag_id"]: row for row in self.call("GET", "/dags", params={"limit": 100})["dags"]}

    def import_errors(self) -> list[str]:
        """What keeps DAG files from being read."""
        return [str(row["stack_trace"]) for row in self.call("GET", "/importErrors")["import_errors"]]

    def runs(self, dag: str, *, states: tuple[str, ...] = ()) -> list[Row]:
        """The runs of a DAG (``~``: of all), newest last."""
        found: list[Row] = []
        while True:
            params: Any = [("limit", 100), ("offset", len(found)), ("order_by", "id"), *(("state", s) for s in states)]
            page = self.call("GET", f"/dags/{dag}/dagRuns", params=params)
            found += page["dag_runs"]
            if not page["dag_runs"] or len(found) >= page["total_entries"]:
                return found

    # -- doing -----------------------------------------------------------------------------------------------------

    def pause(self, dag: str, paused: bool) -> None:
        """Pause a DAG or let it run."""
        self.call("PATCH", f"/dags/{dag}", json={"is_paused": paused})

    def trigger(self, dag: str, period: Period | None = None, **conf: Any) -> str:
        """Start a run by hand; returns its id."""
        body: Row = {"logical_date": None, "conf": conf}
        if period is not None:
            body["partition_key"] = str(period)
        return str(self.call("POST", f"/dags/{dag}/dagRuns", json=body)["dag_run_id"])

    def backfill(
        self, dag: str, first: Period, last: Period, *, again: bool = False, backwards: bool = False, at_once: int = 4,
        conf: Row | None = None,
    ) -> int:  # fmt: skip
        """Start a backfill over whole months; returns its id. Waits while an older one of the DAG is being closed."""
        body = {
            "dag_id": dag,
            "from_date": f"{first}-01T00:00:00Z",
            "to_date": f"{last}-01T00:00:00Z",
            "reprocess_behavior": "completed" if again else "none",
            "run_backwards": backwards,
            "max_active_runs": at_once,
            "dag_run_conf": conf,
        }
        deadline = time.monotonic() + 120
        while True:
            try:
                return int(self.call("POST", "/backfills", json=body)["id"])
            except QxError as error:
                if "（409）" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(1.0)

    def wait(self, done: Callable[[], bool], what: str, seconds: float, meanwhile: Callable[[], None]) -> None:
        """Wait until something is so.

        Raises:
            QxError: it took longer than ``seconds``.
        """
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise QxError(f"等待超时：{what}")
            meanwhile()
            time.sleep(POLL)

    def idle(self, dag: str = "~") -> bool:
        """Whether no run of a DAG (of any) is queued or running, but for those that wait for a person."""
        open_ = self.runs(dag, states=UNFINISHED)
        if not open_:
            return True
        waiting = {(row["dag_id"], row["dag_run_id"]) for row in self.questions()}
        return all((run["dag_id"], run["dag_run_id"]) in waiting for run in open_)

    def settle(self, what: str, seconds: float, meanwhile: Callable[[], None]) -> None:
        """Wait until nothing runs and nothing follows: a run that ended may start others some moments later.

        Raises:
            QxError: it took longer than ``seconds``.
        """
        looks = 0

        def settled() -> bool:
            nonlocal looks
            looks = looks + 1 if self.idle() else 0
            return looks >= _QUIET_LOOKS

        self.wait(settled, what, seconds, meanwhile)

    def questions(self) -> list[Row]:
        """What waits for a person's answer: dag_id, dag_run_id, task_id, map_index, subject, body, options."""
        found = self.call("GET", "/dags/~/dagRuns/~/hitlDetails", params={"response_received": False, "limit": 100})
        return [
            {**{key: row["task_instance"][key] for key in ("dag_id", "dag_run_id", "task_id", "map_index")},
             **{key: row[key] for key in ("subject", "body", "options")}}
            for row in found["hitl_details"]
        ]  # fmt: skip

    def answer(self, question: Row, option: str, **fields: Any) -> None:
        """Answer a question."""
        path = "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/hitlDetails".format(**question)
        self.call("PATCH", path, json={"chosen_options": [option], "params_input": fields})
