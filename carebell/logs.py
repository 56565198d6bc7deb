"""Structured logs: one JSON object a line, with case and cause ids, without personal data."""

from typing import Any, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

Logger = FilteringBoundLogger

# Whatever names or reaches a person, or repeats what a device wrote.
_PERSONAL = frozenset(
    {"name", "person", "to", "phone", "email", "address", "payload", "body", "note", "by", "token", "who"}
)
# The variables of a failing frame hold people: they stay out.
_TRACEBACKS = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


def open_logs(stream: TextIO, level: str = "info") -> Logger:
    """A logger onto a stream; handed down to whoever logs."""
    number = {"debug": 10, "info": 20, "warning": 30, "error": 40}[level]
    logger: Logger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _TRACEBACKS,
            _redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    return logger


def _redact(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    redacted: dict[str, Any] = {key: "[redacted]" if key in _PERSONAL else value for key, value in line.items()}
    return redacted
