"""Boxes, a Mosquitto and a browser for whoever asks; all are stopped by their own handles."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.box import Box
from tests.support.servers.mosquitto import Mosquitto
from tests.support.services import needed_chromium

MakeBox = Callable[..., Box]


@pytest.fixture
def make_box(tmp_path: Path) -> Iterator[MakeBox]:
    """Makes boxes with data directories below one folder; none outlives the test."""
    made: list[Box] = []

    def make(name: str = "data", **options: Any) -> Box:
        made.append(Box(tmp_path / name, **options))
        return made[-1]

    yield make
    for box in made:
        if box.is_running():
            box.kill()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto that keeps its sessions."""
    with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser."""
    return needed_chromium()
