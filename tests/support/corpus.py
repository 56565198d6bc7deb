"""Payloads and topics that no device should send and some will."""

import json
from typing import Any

from hypothesis import strategies as st

from carebell.types import Kind

SOS = {"id": "the one", "kind": "sos", "value": "active", "at": "2026-03-01T08:00:00Z"}
_WORDS = (
    "",
    "\x00",
    "sos",
    "cleared",
    "nan",
    "1e999",
    "kind",
    "😀",
    "١٢",
    "open",
    "2026-13-45T99:00:00Z",
    "0001-01-01T00:00:00+14:00",
)
_TEXT = st.sampled_from(_WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_NUMBERS = (
    10**400, -(10**400), 2**63, 2**64, -(2**63) - 1, 1e308, -1e308, 5e-324, -0.0, 1e11, 1e14, 1e18,
    float("nan"), float("inf"), -1, 0, 1, 0.5, 100.5, 1772352000000,
)  # fmt: skip
_SCALARS = st.sampled_from((None, True, False, *_NUMBERS)) | _TEXT | st.integers() | st.floats()


def _nested(depth: int, *, is_list: bool) -> Any:
    inside: Any = "sos"
    for _ in range(depth):
        inside = [inside] if is_list else {"kind": inside}
    return inside


_DEEP = st.sampled_from([_nested(depth, is_list=is_list) for depth in (30, 33, 260, 600) for is_list in (True, False)])
ANYTHING = (
    _SCALARS
    | _SCALARS
    | _DEEP
    | st.lists(_SCALARS | _DEEP, max_size=3)
    | st.dictionaries(_TEXT, _SCALARS | st.lists(_SCALARS, max_size=2), max_size=3)
)
_KINDS = st.sampled_from([*Kind, "SOS", " fall ", "unheard of", "emergency", "panic"])
_BURSTS = st.fixed_dictionaries({}, optional={"rate_hz": ANYTHING, "unit": ANYTHING, "samples": ANYTHING})
ITEMS = st.fixed_dictionaries(
    {"kind": _KINDS | ANYTHING},
    optional={
        "id": ANYTHING,
        "value": ANYTHING | _BURSTS,
        "at": ANYTHING,
        "battery": ANYTHING,
        "test": ANYTHING,
        "unit": ANYTHING,
        "sos": ANYTHING,
        "type": ANYTHING,
    },
)
NEIGHBOURS = st.lists(ITEMS | ANYTHING, max_size=4)


def written(value: Any) -> bytes:
    """As JSON, with NaN and lone surrogates as some devices write them."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _cut(payload: bytes, at: int, put: bytes, drop: int) -> bytes:
    at %= len(payload) + 1
    return payload[:at] + put + payload[at + drop :]


_VALID = (ITEMS | st.lists(ITEMS, max_size=4)).map(written)
_MUTATED = st.builds(_cut, _VALID, st.integers(0, 10**6), st.binary(max_size=3), st.integers(0, 40))
_NEAR = st.lists(
    st.sampled_from(
        [
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b'"',
            b"'",
            b'"kind"',
            b'"sos"',
            b"sos",
            b"null",
            b"NaN",
            b"1e999",
            b"\\ud800",
            b'"\\ud800"',
            b"\x00",
            b"\xed\xa0\x80",
            b"\xff",
        ]
    ),
    max_size=30,
).map(b"".join)
PAYLOADS = st.binary(max_size=60) | _VALID | _MUTATED | _NEAR | ANYTHING.map(written)
_LEVEL = st.text(max_size=8) | st.sampled_from(
    ["h1", "d1", "", " ", "carebell", "up", "down", "\ud800", "\x00", "x" * 300]
)
TOPICS = (
    st.just("carebell/h1/d1/up")
    | st.builds(lambda home, device: f"carebell/{home}/{device}/up", _LEVEL, _LEVEL)
    | st.lists(_LEVEL, max_size=6).map("/".join)
)
