"""docs/devices.md says what the examples say."""

import re
from pathlib import Path

from carebell.types import Kind
from tests.support.devices_page import page
from tests.support.examples import examples

FILE = Path(__file__).parents[2] / "docs" / "devices.md"
TEXT = FILE.read_text("utf-8")


def test_the_committed_page_is_what_make_docs_writes() -> None:
    assert page() == TEXT, "run `make docs`"


def test_every_model_of_a_row_stands_on_the_page() -> None:
    assert not {row.model for row in examples()} - {""} - set(re.split(r", |: |\n", TEXT))


def test_the_kinds_are_kinds() -> None:
    shown = re.findall(r"^- Shown by rows: (.*)$", TEXT, re.MULTILINE)
    assert shown
    assert set(re.findall(r"`(\w+)`", " ".join(shown))) <= set(Kind)
