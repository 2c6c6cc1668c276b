"""A page in Airflow's menu on which operators hand files in: one request a file, straight into the landing folder.

Only who may trigger ``land`` gets the page or may send. A request must come from the page itself: a header that no
foreign page can set, and the browser's own word on where it comes from. Answers carry a state and one line, never
anything of a file's content. Every process of Airflow loads its plugins, only the API server answers requests: what
that takes is imported with the first one.
"""

# No postponed annotations: FastAPI reads those of its handlers, whose types are imported inside a function.
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin

from qxmonitor.settings import ROOT, Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

log = logging.getLogger(__name__)

PREFIX = "/upload"
MARK = "X-Qxmonitor-Upload"
"""Header of a request of our page; a foreign page would have to ask first, and is refused."""

_FOLDER = ROOT / "templates" / "upload"
_BESIDE = {"upload.js": "text/javascript", "upload.css": "text/css"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_WORDS = {401: "请先登录，再打开本页", 403: "当前账户不能上传：需要有运行“到文登记 land”的权限"}


@lru_cache(maxsize=1)
def pages() -> "FastAPI":
    """The application; every address of it asks Airflow's auth manager first."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
    from fastapi import Depends, FastAPI, HTTPException, Request
    from fastapi.responses import HTMLResponse, JSONResponse, Response
    from starlette.exceptions import HTTPException as AnyHTTPException
    from starlette.requests import ClientDisconnect

    from qxmonitor.errors import QxError
    from qxmonitor.landing import upload

    may_land = Depends(requires_access_dag("POST", DagAccessEntity.RUN, "land"))
    app = FastAPI(dependencies=[may_land], docs_url=None, redoc_url=None, openapi_url=None)

    def answer(status: int, state: str, words: str, **more: Any) -> JSONResponse:
        return JSONResponse({"state": state, "words": words, **more}, status, headers=_HEADERS)

    @app.exception_handler(AnyHTTPException)
    def refuse(request: Request, error: AnyHTTPException) -> Response:
        words = _WORDS.get(error.status_code, str(error.detail))
        if request.method == "GET":
            return HTMLResponse(f'<!DOCTYPE html><html lang="zh-CN"><p>{words}</p>', error.status_code, _HEADERS)
        return answer(error.status_code, "refused", words)

    @app.exception_handler(QxError)
    def wrong(request: Request, error: QxError) -> Response:
        return refuse(request, HTTPException(500, str(error)))

    @app.exception_handler(ClientDisconnect)
    def gone(request: Request, error: ClientDisconnect) -> Response:
        log.warning("an upload broke off; nothing of it is kept")
        return answer(400, "refused", "连接中断，没有收下")

    @app.get("/", response_model=None)
    def page() -> Response:
        return HTMLResponse(_page(Settings.from_env()), headers=_HEADERS)

    @app.get("/{name}", response_model=None)
    def beside(name: str) -> Response:
        if name not in _BESIDE:
            raise HTTPException(404, "没有这一页")
        return Response((_FOLDER / name).read_bytes(), media_type=_BESIDE[name], headers=_HEADERS)

    @app.put("/file", response_model=None)
    async def put(request: Request, user: GetUserDep) -> Response:
        if not _from_our_page(request):
            raise HTTPException(400, "请求不是从上传页发出的")
        settings, asked, content = Settings.from_env(), request.query_params, request.stream()
        try:
            taken = await upload.take(settings, asked.get("name", ""), asked.get("day", ""), content, _size(request))
        except upload.Rejected as error:
            # A browser hears an answer only when it could send everything; endless senders are cut off.
            await _pass_over(content, 2 * settings.largest)
            return answer(error.status, "refused", str(error))
        log.info("%s uploaded %s: %d bytes, sha256 %s", user.get_name(), *taken[:3])
        words = "已有相同内容，只登记一次" if taken.known else "已收下"
        return answer(200, "known" if taken.known else "taken", words, name=taken.name, bytes=taken.bytes)

    return app


def _page(settings: Settings) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    today = settings.now().date().isoformat()
    return environment.get_template("page.html.j2").render(
        largest=settings.largest, mib=settings.largest >> 20, today=today, mark=MARK
    )


def _from_our_page(request: "Request") -> bool:
    """Whether the browser says so; programs other than browsers say nothing but the header."""
    said = request.headers
    if MARK not in said:
        return False
    if site := said.get("sec-fetch-site"):
        return site == "same-origin"
    if "origin" not in said:
        return True
    from airflow.configuration import conf

    origin = urlsplit(said["origin"]).netloc
    return bool(origin) and origin in (said.get("host"), urlsplit(conf.get("api", "base_url", fallback="")).netloc)


def _size(request: "Request") -> int | None:
    said = request.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdecimal() else None


async def _pass_over(content: Any, most: int) -> None:
    passed = 0
    async for piece in content:
        passed += len(piece)
        if passed > most:
            return


class Lazy:
    """Stands for the application until it is asked for something."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await pages()(scope, receive, send)


class UploadPlugin(AirflowPlugin):
    name = "qxmonitor_upload"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [{"app": Lazy(), "url_prefix": PREFIX, "name": "上传文件"}]
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "上传文件",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "upload",
        }
    ]
