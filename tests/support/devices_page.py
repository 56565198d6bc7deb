"""docs/devices.md from the dialects and their examples: `python -m tests.support.devices_page > docs/devices.md`, `make docs`."""

import sys
from collections.abc import Iterable, Iterator

from devices.dialect import Dialect
from devices.dialects import native
from devices.ecosystems import DIALECTS
from tests.support.examples import Example, examples

_UNASKED = frozenset({"other", "heartbeat", "discovery"})
_HEAD = """\
# Devices

Written by `make docs` from the dialects and their examples; do not edit it by hand.

## What was tested, and with what

No real device was at hand. Every row counted here as *documented* is a short message made by hand in the shape that the ecosystem
documents; rows that a real device or its own software said over a live broker are counted as *live*. A model stands here
because a row names it, and no further: other models of an ecosystem are read by the same words. Whoever has one of these
devices should press it once and look, before somebody relies on it.

Beside the rows, a million strange messages go through all dialects in `make soak`: nothing may be raised, time and memory are
bounded. A row is added in `tests/unit/devices/examples/`, in the folder of its dialect; one test reads them all.

"""
_PRODUCTS = """\
## Products with words of their own

Alink, OneNET and TuyaLink leave the words to each product, Sparkplug B to each group. A mapping file says what they mean. Without
one, only words that mean the same nearly everywhere are read (`SOS`, `fall_alarm`, `SmokeSensorState`, …); settings (`sos_mode`,
`fall_detection`) and numbers whose scale differs by product (Tuya's `temp_current`) are not.

How such a file is written stands in [configuration.md](configuration.md#the-words-of-a-product).

An SOS or a fall that is sent nearly alone, as an event, or by TuyaLink is a press, each message of it. In a report of the whole
state (three identifiers or more) it is a state, and only its change is a call. A pendant that posts all its words, but only when
it is pressed, needs `is: event`; one that posts them all the time must take its SOS back, or its second press cannot be told.
"""


def page() -> str:
    """The whole document."""
    parts = [_HEAD, *_overview()]
    for dialect in DIALECTS:
        if dialect.NAME != native.NAME:
            parts += _section(dialect)
    return "".join(parts) + _PRODUCTS


def _rows(name: str) -> list[Example]:
    return [row for row in examples() if row.dialect == name]


def _overview() -> Iterator[str]:
    yield "| dialect | models named | rows, documented | rows, live | broken messages |\n| --- | --- | --- | --- | --- |\n"
    for dialect in DIALECTS:
        rows = _rows(dialect.NAME)
        if dialect.NAME == native.NAME:
            continue
        live = sum(row.origin == "live" for row in rows)
        broken = sum(row.rejected is not None for row in rows)
        anchor = _title(dialect).lower().replace(" ", "-")
        yield f"| [{dialect.NAME}](#{anchor}) | {len(_models(rows))} | {len(rows) - live} | {live} | {broken} |\n"
    yield "\n"


def _title(dialect: Dialect) -> str:
    return f"Dialect {dialect.NAME}"


def _section(dialect: Dialect) -> Iterator[str]:
    rows = _rows(dialect.NAME)
    documented = (dialect.__doc__ or "").strip().split("\n\n")[0]
    yield f"## {_title(dialect)}\n\n{' '.join(documented.split())}\n\n"
    for line in _where(dialect):
        yield f"- {line}\n"
    kinds = sorted({kind for row in rows for said in row.says for kind in said if kind not in _UNASKED} - _ASIDE)
    yield f"- Shown by rows: {_listed(kinds) or 'nothing yet'}\n"
    yield f"- Models named by rows: {', '.join(_models(rows)) or 'none, its words are the same for all'}\n"
    silent = [row.why for row in rows if not row.says and row.rejected is None and row.file == "traps"]
    if silent:
        yield "- Read on purpose as nothing:\n"
        yield from (f"  - {why}\n" for why in dict.fromkeys(silent))
    yield "\n"


# What rows say of a reading beside its kind.
_ASIDE = frozenset({"unit", "channel", "device_id", "is_test", "is_history"})


def _where(dialect: Dialect) -> Iterator[str]:
    """Where its topics live: in a home's own tree, and on servers for many homes."""
    root = f", which stands for `{dialect.ROOT}…`" if dialect.ROOT else ", and behind it the topic as documented"
    yield f"Of one home: `carebell/HOME/{dialect.NAME}/…`{root}"
    if dialect.FILTERS:
        yield f"Of a server for many homes: {_listed(dialect.FILTERS)}"


def _models(rows: Iterable[Example]) -> list[str]:
    return sorted({row.model for row in rows if row.model}, key=str.casefold)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    sys.stdout.write(page())
