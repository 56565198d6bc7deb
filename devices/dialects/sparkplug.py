"""Sparkplug B."""

from devices.dialect import Decoded, Known, Message, Problem, Reason

NAME = "sparkplug"
ROOT = ""
FILTERS: tuple[str, ...] = ("spBv1.0/#",)


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("spBv1.0/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "not read yet"),))
