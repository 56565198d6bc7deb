"""What decoding a message costs, by dialect, beside bare orjson.loads of the same payload in the same run.

The messages are those of the examples of each dialect. Figures are of this machine; the ratio travels.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter_ns

import orjson

from deploy.cli.decode import LineDevices
from devices.dialect import Message
from devices.ecosystems import BY_NAME
from devices.listener import Listener
from tests.support.figures import Figures
from tests.support.mutation import seedlings

_BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ROUNDS, _MESSAGES = 5, 1000
_STEP = timedelta(seconds=30)


def main() -> None:
    """Print the table: dialect alone, then with edges, duplicates and bindings as ingest has it."""
    print("decoding one message; orjson: loads of the same payloads (a failed attempt where they are no JSON)")
    print(f"{'µs':<16} {'rows':>5} {'orjson p50':>11} {'p50':>7} {'p99':>7} {'ratio':>7} {'heard p50':>10} {'p99':>7}")
    known = _Nothing()
    for name, dialect in BY_NAME.items():
        messages = _messages(name)
        bare = _figures(messages, lambda message: _loads(message.payload))
        decoded = _figures(messages, lambda message, decode=dialect.decode: decode(message, known))
        listener = Listener(LineDevices())
        heard = _figures(messages, lambda message, name=name, hear=listener.hear: hear(message, dialect=name))
        ratio = decoded.p50 / bare.p50
        print(
            f"{name:<16} {len(seedlings(name)):>5} {bare.p50 * 1e3:>11.1f} {decoded.p50 * 1e3:>7.1f}"
            f" {decoded.p99 * 1e3:>7.1f} {ratio:>6.1f}× {heard.p50 * 1e3:>10.1f} {heard.p99 * 1e3:>7.1f}"
        )


class _Nothing:
    """Knows nothing, and costs nothing."""

    def device(self, address: str) -> None:
        return None

    def lesson(self, key: str) -> None:
        return None

    def product(self, key: str) -> None:
        return None


def _messages(name: str) -> list[Message]:
    """The examples in turn, every one at a time of its own."""
    rows = [(one.topic, _written(one.content)) for one in seedlings(name)]
    return [
        Message(topic=topic, payload=payload, received_at=_BEGAN + place * _STEP)
        for place, (topic, payload) in zip(range(_MESSAGES), rows * (_MESSAGES // len(rows) + 1), strict=False)
    ]


def _written(content: object) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else orjson.dumps(content)


def _loads(payload: bytes) -> object:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def _figures(messages: Sequence[Message], read: Callable[[Message], object]) -> Figures:
    """Of each message its best of several rounds, as a shared machine makes such a figure worse and never better."""
    best = [float("inf")] * len(messages)
    for _ in range(_ROUNDS):
        for place, message in enumerate(messages):
            began = perf_counter_ns()
            read(message)
            best[place] = min(best[place], (perf_counter_ns() - began) / 1e9)
    return Figures.of(best)


if __name__ == "__main__":
    main()
