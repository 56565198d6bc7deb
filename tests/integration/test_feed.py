"""The live feed over a real connection: nothing is missed or told twice, and who cannot be served is told `reset`."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Self

import pytest

from tests.support.box import Box, Device
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.integration


class Stream:
    """Reads events off an open feed; a read that takes too long is an error."""

    def __init__(self, box: Box, query: str = "", last_id: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {box.token}", **({} if last_id is None else {"Last-Event-ID": last_id})}
        self._answer = urllib.request.urlopen(
            urllib.request.Request(f"{box.url}/api/v1/feed{query}", headers=headers), timeout=PATIENCE_S
        )
        assert self._answer.headers.get_content_type() == "text/event-stream"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def events(self) -> Iterator[tuple[str, str, Any]]:
        """Name, id and data, as they come."""
        event: dict[str, str] = {}
        for line in self._answer:
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            if name:
                event[name] = value
            elif event:
                yield event.get("event", ""), event.get("id", ""), json.loads(event.get("data") or "null")
                event = {}

    def until(self, name: str) -> tuple[str, Any]:
        """Id and data of the next event of this name."""
        return next((event_id, data) for event, event_id, data in self.events() if event == name)

    def lines(self, count: int) -> list[str]:
        """The ids of the next lines."""
        lines = (event_id for event, event_id, _ in self.events() if event == "line")
        return [next(lines) for _ in range(count)]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("feed") / "data", demo=True) as box:
        yield box


def pressed(box: Box, number: int) -> None:
    with Device(box.mqtt_port, f"home-{number:03d}", f"button-{number:03d}") as button:
        button.press(f"p-{number}")
    box.wait_case(f"home-{number:03d}")


def test_an_idle_feed_beats(box: Box) -> None:
    with Stream(box) as stream:
        assert stream.until("heartbeat")[1]["at"].endswith("Z")


def test_a_line_comes_with_its_case_at_once(box: Box) -> None:
    with Stream(box) as stream:
        stream.until("heartbeat")
        pressed(box, 1)
        _, told = stream.until("line")
    assert told["case"]["home_id"] == "home-001"
    assert told["line"]["what"] == "opened"


def test_it_resumes_behind_the_last_line_without_a_gap(box: Box) -> None:
    from_here = box.api("/cases")["feed_id"]
    pressed(box, 2)
    with Stream(box, f"?after={from_here}") as stream:
        first = stream.lines(2)
    pressed(box, 3)
    with Stream(box, f"?after={from_here}", last_id=first[-1]) as stream:
        rest = stream.lines(2)
    ids = [int(one) for one in (*first, *rest)]
    assert ids == list(range(from_here + 1, from_here + 5))


@pytest.mark.parametrize("last_id", ["999999999", "nonsense", "", "-1", "9" * 40, "١"])
def test_an_id_that_was_never_given_is_told_to_load_anew(last_id: str, box: Box) -> None:
    with Stream(box, last_id=last_id.encode().decode("latin-1")) as stream:
        assert next(stream.events())[0] == "reset"


def test_a_stream_that_nobody_reads_holds_up_no_other(box: Box) -> None:
    with Stream(box), Stream(box) as stream:
        stream.until("heartbeat")
        pressed(box, 4)
        stream.until("line")


def test_nobody_listens_without_a_token(box: Box) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{box.url}/api/v1/feed", timeout=PATIENCE_S)
    with refused.value as error:
        assert error.code == 401
        assert error.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/cases", "/cases/x", "/homes", "/homes/home-001", "/rejected", "/me"])
@pytest.mark.parametrize("token", ["", "wrong", "démo", "demo2"])
def test_nothing_is_shown_without_the_right_token(path: str, token: str, box: Box) -> None:
    status, problem = box.request(f"/api/v1{path}", token=token.encode().decode("latin-1"))
    assert status == 401
    assert problem["status"] == 401
    assert "示范村" not in str(problem)
