"""rtl_433."""

from devices.dialect import Decoded, Known, Message, Problem, Reason

NAME = "rtl_433"
ROOT = "rtl_433/"
FILTERS: tuple[str, ...] = ()


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("rtl_433/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "not read yet"),))
