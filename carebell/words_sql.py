"""Text as our tables hold it: ordered by code point on every database, and whatever a device wrote comes back as it was.

PostgreSQL cannot keep a NUL in a text, and a device's message id may hold one. There it is written as two characters; the
first of them, if a text holds it, likewise.
"""

from typing import Any

import sqlalchemy as sa

_MARK = "\x1a"
_WRITE = str.maketrans({"\x00": _MARK + "0", _MARK: _MARK + "1"})


# Texts of our own making: ids, times, names of states, JSON. They hold no NUL, and cost nothing to read.
CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")


class Words(sa.TypeDecorator[str]):
    """A text. "C" sorts as SQLite and Python do; PostgreSQL would go by its locale."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        return dialect.type_descriptor(sa.String(collation="C") if dialect.name == "postgresql" else sa.String())

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        if dialect.name == "postgresql" and isinstance(value, str) and ("\x00" in value or _MARK in value):
            return value.translate(_WRITE)
        return value

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        if dialect.name == "postgresql" and value is not None and _MARK in value:
            return value.replace(_MARK + "0", "\x00").replace(_MARK + "1", _MARK)
        return value
