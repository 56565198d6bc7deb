"""How values become bytes and back: JSON, one definition per type, told apart by `type`.

Types only grow: fields are added with defaults, unknown fields are ignored, golden files keep old bytes readable.
Headers follow the Kafka binding of CloudEvents 1.0 in binary mode.
"""

from datetime import datetime
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from carebell.types import Alert, CaseFact, HomeProfile, Reading, Rejected, Tick

Wire = Reading | Tick | HomeProfile | Alert | Rejected | CaseFact
_ADAPTER: TypeAdapter[Wire] = TypeAdapter(Annotated[Wire, Field(discriminator="type")])
# Writing needs no choice: the adapter of all of them takes several times as long.
_OF_TYPE: dict[type, TypeAdapter[Any]] = {one: TypeAdapter(one) for one in get_args(Wire)}


class Unreadable(ValueError):
    """Bytes that are none of our types."""


def encode(value: Wire) -> bytes:
    """One value as JSON bytes."""
    return _OF_TYPE[type(value)].dump_json(value)


def decode(data: bytes) -> Wire:
    """JSON bytes as one value. Raises Unreadable."""
    try:
        if b"NaN" in data or b"Infinity" in data:
            from_json(data, allow_inf_nan=False)
        return _ADAPTER.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Unreadable(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error
    except ValueError as error:
        raise Unreadable(str(error)) from error


def headers(value: Wire, *, id: str, source: str, at: datetime) -> dict[str, str]:
    """CloudEvents attributes of a value (kafka-protocol-binding, section 3.2)."""
    return {
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_source": source,
        "ce_type": value.type,
        "ce_time": at.isoformat(),
        "content-type": "application/json",
    }
