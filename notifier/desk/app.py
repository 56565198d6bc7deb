"""The web application of the desk: API, page, metrics and health, with headers that keep the page to itself."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from carebell.instruments import Instruments
from carebell.log import Log
from notifier.casebook import Casebook
from notifier.desk.api import act_routes, case_routes, rejected_routes, session_routes
from notifier.desk.auth import Tokens, set_cookie
from notifier.desk.body_limit import BodyLimit
from notifier.desk.credentials_api import credential_routes
from notifier.desk.feed import Feed
from notifier.desk.health import Health, health_routes
from notifier.desk.heard_api import heard_routes
from notifier.desk.homes_api import home_routes
from notifier.desk.library import Library
from notifier.desk.page_facts import Page
from notifier.desk.problem import install

_PAGE = files("notifier.desk").joinpath("page/static")
_CSP = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


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
    app = FastAPI(title="Carebell desk", version="1", description="Cases, what people do with them, and homes.")
    install(app)
    app.add_middleware(BodyLimit)
    app.include_router(case_routes(library, feed, tokens))
    app.include_router(act_routes(casebook, library, tokens, instruments))
    app.include_router(home_routes(library, tokens, instruments.clock))
    app.include_router(credential_routes(library, tokens))
    app.include_router(heard_routes(library, tokens, instruments.clock))
    app.include_router(rejected_routes(log, tokens))
    app.include_router(session_routes(tokens, page))
    health_routes(app, instruments.telemetry, health)
    _page_routes(app, tokens, is_demo=page.is_demo)
    return app


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
