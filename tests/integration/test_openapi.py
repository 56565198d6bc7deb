"""The API is what its description says: generated requests against a real desk, valid ones and broken ones."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.support.box import Box, Device
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FEED = ("/api/v1/feed", "GET")  # it does not end; test_feed.py reads it
OPERATIONS = [
    ("/api/v1/cases", "GET"),
    ("/api/v1/cases/{case_id}", "GET"),
    ("/api/v1/cases/{case_id}/{move}", "POST"),
    ("/api/v1/homes", "GET"),
    ("/api/v1/homes/import", "POST"),
    ("/api/v1/homes/export", "GET"),
    ("/api/v1/homes/{home_id}", "GET"),
    ("/api/v1/homes/{home_id}", "PUT"),
    ("/api/v1/homes/{home_id}", "PATCH"),
    ("/api/v1/homes/{home_id}", "DELETE"),
    ("/api/v1/homes/{home_id}/audit", "GET"),
    ("/api/v1/homes/{home_id}/credentials", "GET"),
    ("/api/v1/homes/{home_id}/devices/{device_id}", "GET"),
    ("/api/v1/homes/{home_id}/devices/{device_id}", "PUT"),
    ("/api/v1/homes/{home_id}/devices/{device_id}", "DELETE"),
    ("/api/v1/homes/{home_id}/devices/{device_id}/bindings", "POST"),
    ("/api/v1/homes/{home_id}/devices/{device_id}/bindings", "DELETE"),
    ("/api/v1/homes/{home_id}/heard", "GET"),
    ("/api/v1/rejected", "GET"),
    ("/api/v1/me", "GET"),
    ("/api/v1/session", "POST"),
    ("/api/v1/session", "DELETE"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
]
CAN_BE_BROKEN = [
    ("/api/v1/cases", "GET"),
    ("/api/v1/cases/{case_id}/{move}", "POST"),
    ("/api/v1/homes", "GET"),
    ("/api/v1/homes/export", "GET"),
    ("/api/v1/homes/{home_id}", "PUT"),
    ("/api/v1/homes/{home_id}", "PATCH"),
    ("/api/v1/homes/{home_id}/audit", "GET"),
    ("/api/v1/homes/{home_id}/devices/{device_id}", "PUT"),
    ("/api/v1/homes/{home_id}/devices/{device_id}/bindings", "POST"),
    ("/api/v1/homes/{home_id}/heard", "GET"),
    ("/api/v1/rejected", "GET"),
    ("/api/v1/session", "POST"),
]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("openapi") / "data", demo=True) as box:
        with Device(box.mqtt_port, "home-001", "button-001") as button:
            button.press("p-1")
        box.wait_case("home-001")
        yield box


@pytest.fixture(scope="module")
def schema(box: Box) -> Any:
    return schemathesis.openapi.from_url(f"{box.url}/openapi.json")


def test_every_operation_is_tried(schema: Any) -> None:
    described = {(one.ok().path, one.ok().method.upper()) for one in schema.get_all_operations()}
    assert described == {*OPERATIONS, FEED}


# A cursor, a word of `status` or a missing outcome may be refused although its form is right: no schema can say that.
def assert_as_described(operation: Any, mode: GenerationMode) -> None:
    @settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(request=operation.as_strategy(generation_mode=mode))
    def tried(request: schemathesis.Case) -> None:
        headers = {"Authorization": "Bearer demo"}
        if isinstance((request.query or {}).get("wait"), int):
            request.query["wait"] = min(request.query["wait"], 1)  # or the run would last as long as all waits together
        request.call_and_validate(headers=headers, timeout=PATIENCE_S, excluded_checks=[positive_data_acceptance])

    tried()


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda part: part)
def test_every_answer_is_as_described(path: str, method: str, schema: Any) -> None:
    assert_as_described(schema[path][method], GenerationMode.POSITIVE)


@pytest.mark.parametrize(("path", "method"), CAN_BE_BROKEN, ids=lambda part: part)
def test_a_broken_request_is_refused_as_described(path: str, method: str, schema: Any) -> None:
    assert_as_described(schema[path][method], GenerationMode.NEGATIVE)
