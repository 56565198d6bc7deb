"""The places of a home, as whoever installed its devices wrote them, and the words by which rules know them. Pure."""

from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints

from carebell.types import DeviceProfile, HomeProfile, Reading

Words = tuple[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)], ...]


@lru_cache(maxsize=8192)
def is_named(text: str, words: tuple[str, ...]) -> bool:
    """Whether a text such as `Master bedroom` holds one of the words, in whatever case."""
    folded = text.casefold()
    return any(word.casefold() in folded for word in words)


def device_of(home: HomeProfile, device_id: str) -> DeviceProfile | None:
    """The device as it is registered; None where it is not."""
    for device in home.devices:
        if device.device_id == device_id:
            return device
    return None


def place_of(reading: Reading, home: HomeProfile) -> str:
    """Where it was heard: the reading's own word, or else the registry's."""
    if reading.place:
        return reading.place
    device = device_of(home, reading.device_id)
    return "" if device is None else device.place
