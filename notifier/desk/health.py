"""Metrics and health over HTTP: for the desk, and alone for processes that serve nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from carebell.telemetry import Telemetry
from notifier.desk.problem import answer

Checks = Mapping[str, Callable[[], str]]
_CHECKED: dict[int | str, dict[str, Any]] = {
    503: {"description": "It is not; `problems` says why.", "content": {"application/json": {}}}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Checks that answer with what is wrong, empty when nothing is."""

    alive: Checks
    ready: Checks


def health_app(telemetry: Telemetry, health: Health) -> FastAPI:
    """Nothing but metrics and health."""
    app = FastAPI(title="Carebell", openapi_url=None)
    health_routes(app, telemetry, health)
    return app


def starting_app(telemetry: Telemetry, health: Health) -> FastAPI:
    """A desk that still waits for its servers: nothing is missing there, it cannot be asked yet."""
    app = health_app(telemetry, health)

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def starting(path: str) -> Response:
        detail = "It waits for its servers: ask again in a moment. /readyz says for whom."
        return answer(503, "The desk is starting", detail, {"Retry-After": "1"})

    return app


def health_routes(app: FastAPI, telemetry: Telemetry, health: Health) -> None:
    """The same addresses in every process."""

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz", tags=["health"], summary="Alive: its loops move", responses=_CHECKED)
    async def healthz() -> Response:
        return _checked(health.alive)

    @app.get("/readyz", tags=["health"], summary="Ready: it can do its work", responses=_CHECKED)
    async def readyz() -> Response:
        return _checked(health.ready)


def problems_of(checks: Checks) -> dict[str, str]:
    """What is wrong now, by check."""
    return {name: problem for name, check in checks.items() if (problem := check())}


def _checked(checks: Checks) -> Response:
    problems = problems_of(checks)
    return JSONResponse({"ok": not problems, "problems": problems}, 503 if problems else 200)
