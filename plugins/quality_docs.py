"""The Data Docs in Airflow's menu: the value-free pages of an installation, behind Airflow's own login.

Only pages of the site are served, by names of a fixed shape, from the folder that ``qxmonitor docs quality`` writes;
the full site, with values, lies elsewhere and cannot be reached from here. Every process of Airflow loads its plugins,
only the API server answers requests: what that takes is imported with the first one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from qxmonitor.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/quality-docs"
_PAGE = re.compile(r"(?:index|other|\d{4}-\d{2}|files/[0-9a-f]{12})\.html")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@lru_cache(maxsize=1)
def pages() -> FastAPI:
    """The application; every address of it asks Airflow's auth manager first."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import HTMLResponse, RedirectResponse

    app = FastAPI(
        dependencies=[Depends(requires_access_view(AccessView.PLUGINS))], docs_url=None, redoc_url=None,
        openapi_url=None,
    )  # fmt: skip

    @app.get("/", response_model=None)
    def home() -> Any:
        return RedirectResponse(f"{PREFIX}/index.html")

    @app.get("/{page:path}", response_model=None)
    def read(page: str) -> Any:
        place = Settings.from_env().home / "quality" / page
        if _PAGE.fullmatch(page) and place.is_file() and not place.is_symlink():
            return HTMLResponse(place.read_text(encoding="utf-8"), headers=_HEADERS)
        if page == "index.html":
            return HTMLResponse("<p>还没有校验报告。运行 qxmonitor docs quality 后再看。</p>", headers=_HEADERS)
        raise HTTPException(404)

    return app


class Lazy:
    """Stands for the application until it is asked for something."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await pages()(scope, receive, send)


class QualityDocsPlugin(AirflowPlugin):
    name = "qxmonitor_quality_docs"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [{"app": Lazy(), "url_prefix": PREFIX, "name": "数据校验报告"}]
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "数据校验报告",
            "href": f"{PREFIX}/index.html",
            "destination": "nav",
            "category": "browse",
            "url_route": "quality-docs",
        }
    ]
