"""Tasmota with Zigbee2Tasmota."""

from devices.dialect import Decoded, Known, Message, Problem, Reason

NAME = "tasmota"
ROOT = ""
FILTERS: tuple[str, ...] = ()


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return {"tele", "stat"} & set(topic.split("/")[:2]) != set()


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "not read yet"),))
