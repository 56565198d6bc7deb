"""The Things Stack v3."""

from devices.dialect import Decoded, Known, Message, Problem, Reason

NAME = "tts"
ROOT = ""
FILTERS: tuple[str, ...] = ("v3/#",)


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("v3/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "not read yet"),))
