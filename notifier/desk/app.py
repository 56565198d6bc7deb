"""The web application of the desk: API, page, metrics and health, with headers that keep the page to itself."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

from carebell.instruments import Instruments
from carebell.log import Log
from carebell.telemetry import Telemetry
from notifier.casebook import Casebook
from notifier.desk.api import act_routes, case_routes, home_routes, session_routes
from notifier.desk.auth import Tokens, set_cookie
from notifier.desk.feed import Feed
from notifier.desk.library import Library
from notifier.desk.page_facts import Page
from notifier.desk.problem import install

Checks = Mapping[str, Callable[[], str]]
_PAGE = files("notifier.desk").joinpath("page/static")
_CSP = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_CHECKED: dict[int | str, dict[str, Any]] = {
    503: {"description": "It is not; `problems` says why.", "content": {"application/json": {}}}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Checks that answer with what is wrong, empty when nothing is."""

    alive: Checks
    ready: Checks


def desk_app(
    *,
    casebook: Casebook,
    library: Library,
    feed: Feed,
    log: Log,
    tokens: Tokens,
    health: Health,
    instruments: Instruments,
    page: Page,
) -> FastAPI:
    """The application; in a demonstration the page signs itself in."""
    app = FastAPI(title="Carebell desk", version="1", description="Cases, and what people do with them.")
    install(app)
    app.include_router(case_routes(library, feed, tokens))
    app.include_router(act_routes(casebook, library, tokens, instruments))
    app.include_router(home_routes(library, log, tokens))
    app.include_router(session_routes(tokens, page))
    _health_routes(app, instruments.telemetry, health)
    _page_routes(app, tokens, is_demo=page.is_demo)
    return app


def _health_routes(app: FastAPI, telemetry: Telemetry, health: Health) -> None:
    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz", tags=["health"], summary="Alive: its loops move", responses=_CHECKED)
    async def healthz() -> Response:
        return _checked(health.alive)

    @app.get("/readyz", tags=["health"], summary="Ready: it can do its work", responses=_CHECKED)
    async def readyz() -> Response:
        return _checked(health.ready)


def _checked(checks: Checks) -> Response:
    problems = {name: problem for name, check in checks.items() if (problem := check())}
    return JSONResponse({"ok": not problems, "problems": problems}, 503 if problems else 200)


def _page_routes(app: FastAPI, tokens: Tokens, *, is_demo: bool) -> None:
    page = str(_PAGE)

    @app.middleware("http")
    async def guard(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await follow(request)
        if not request.url.path.startswith("/docs"):
            response.headers.setdefault("Content-Security-Policy", _CSP)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        if not _PAGE.joinpath("index.html").is_file():
            return PlainTextResponse("The desk page is not built. In the project: make page", 503)
        response = FileResponse(f"{page}/index.html", headers={"Cache-Control": "no-cache"})
        if is_demo:
            set_cookie(response, tokens.first())
        return response

    app.mount("/static", StaticFiles(directory=page, check_dir=False), name="static")
