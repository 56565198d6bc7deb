"""Parts of the body are known in both languages, and rooms are none."""

import pytest

from rules_engine.worn import part_of


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("wrist", "wrist"),
        (" Left  Wrist ", "wrist"),
        ("手腕", "wrist"),
        ("手环", "wrist"),
        ("腰", "waist"),
        ("Neck", "neck"),
        ("bedroom", ""),
        ("卧室", ""),
        ("", ""),
    ],
)
def test_where_a_device_is_worn(place: str, part: str) -> None:
    assert part_of(place) == part
