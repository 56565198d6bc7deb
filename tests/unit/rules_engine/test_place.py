"""Places are known by words that they hold, whatever their case."""

import pytest
from pydantic import TypeAdapter, ValidationError

from carebell.types import DeviceProfile, HomeProfile
from rules_engine.place import Words, device_of, is_named, place_of
from tests.support.homeline import reading

HOME = HomeProfile(home_id="h", devices=(DeviceProfile(device_id="a", place="Kitchen"),))


@pytest.mark.parametrize(
    ("place", "is_it"), [("Master BEDROOM", True), ("主卧室", True), ("bathroom", False), ("", False), ("be d", False)]
)
def test_a_place_is_named_by_a_word_in_it(place: str, is_it: bool) -> None:
    assert is_named(place, ("Bed", "卧")) is is_it


def test_an_empty_word_would_name_everything_and_is_refused() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Words).validate_python(["bed", " "])


def test_the_reading_s_own_place_goes_before_the_registry_s() -> None:
    assert place_of(reading("motion", device_id="a", place="hall"), HOME) == "hall"
    assert place_of(reading("motion", device_id="a"), HOME) == "Kitchen"
    assert place_of(reading("motion", device_id="b"), HOME) == ""
    assert device_of(HOME, "b") is None
