"""ChirpStack v4."""

from devices.dialect import Decoded, Known, Message, Problem, Reason

NAME = "chirpstack"
ROOT = ""
FILTERS: tuple[str, ...] = ("application/#",)


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("application/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "not read yet"),))
