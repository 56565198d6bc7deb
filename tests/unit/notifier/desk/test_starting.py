"""What a desk answers before it has its servers: not that things are missing, but that it cannot be asked yet."""

import httpx2
import pytest

from carebell.telemetry import Telemetry
from notifier.desk.health import Health, starting_app


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/cases"), ("POST", "/api/v1/cases/1/accept"), ("PATCH", "/api/v1/homes/1")]
)
async def test_whoever_asks_is_told_to_ask_again(method: str, path: str) -> None:
    app = starting_app(Telemetry(), Health(alive={}, ready={"starting": lambda: "waiting for database"}))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://desk") as client:
        told = await client.request(method, path)
        assert (told.status_code, told.headers["content-type"]) == (503, "application/problem+json")
        assert (told.json()["title"], told.headers["Retry-After"]) == ("The desk is starting", "1")
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json()["problems"] == {"starting": "waiting for database"}
        assert (await client.get("/metrics")).status_code == 200
