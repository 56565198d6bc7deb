"""The figures of silence in docs/detection.md are those that were measured, and were measured with this rule."""

import json

from tests.support.homeline import shipped_rulebook
from tests.unit.test_house import ROOT
from training.silence_page import BEGIN, END, fingerprint, into_page

REPORT = ROOT / "docs/detection-silence.json"


def test_the_page_shows_what_was_measured() -> None:
    page = (ROOT / "docs/detection.md").read_text("utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert into_page(page, json.loads(REPORT.read_text("utf-8"))) == page


def test_it_was_measured_with_this_rule_and_these_parameters() -> None:
    """If not: `python -m training.silence report`."""
    assert json.loads(REPORT.read_text("utf-8"))["fingerprint"] == fingerprint(shipped_rulebook())


def test_other_parameters_have_another_fingerprint() -> None:
    book = shipped_rulebook()
    changed = book.rules.inactivity.changed({"times": 2.0})
    other = book.model_copy(update={"rules": book.rules.model_copy(update={"inactivity": changed})})
    assert fingerprint(other) != fingerprint(book)
