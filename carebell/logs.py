"""Structured logs: one JSON object a line, with case and cause ids, without personal data."""

import logging
from datetime import datetime
from typing import Any, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

Logger = FilteringBoundLogger

# Whatever names or reaches a person, or repeats what a device wrote.
_PERSONAL = frozenset(
    {"name", "person", "to", "phone", "email", "address", "payload", "body", "note", "by", "token", "who"}
)
_AGAIN_AFTER_S = 10.0
_KINDS_KEPT = 1000
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
            _Seldom(),
            _TRACEBACKS,
            _redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    return logger


class _Seldom:
    """The same failure again and again is said every ten seconds, with how often it was not: an outage must not bury what
    else there is to read."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, ...], tuple[float, int]] = {}

    def __call__(self, _logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        if "error" not in line:
            return line
        about = tuple(str(line.get(name, "")) for name in ("event", "error", "loop", "lane", "server"))
        at = datetime.fromisoformat(line["timestamp"]).timestamp()
        said_at, unsaid = self._said.get(about, (0.0, 0))
        if 0 <= at - said_at < _AGAIN_AFTER_S:
            self._said[about] = (said_at, unsaid + 1)
            raise structlog.DropEvent
        if len(self._said) >= _KINDS_KEPT:
            self._said.clear()
        self._said[about] = (at, 0)
        return {**line, "unsaid": unsaid} if unsaid else line


class _Library(logging.Handler):
    """What a library has to say, in our form: from warnings on, and what it says again and again only now and then."""

    def __init__(self, logger: Logger) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        about = (record.name, str(record.msg))
        said_at, unsaid = self._said.get(about, (0.0, 0))
        if 0 <= record.created - said_at < _AGAIN_AFTER_S:
            self._said[about] = (said_at, unsaid + 1)
            return
        self._said[about] = (record.created, 0)
        say = self._logger.error if record.levelno >= logging.ERROR else self._logger.warning
        say("a library says", library=record.name, said=record.getMessage()[:500], unsaid=unsaid)


def adopt_libraries(logger: Logger) -> None:
    """From now on, whatever libraries log stands among our own lines."""
    logging.getLogger().addHandler(_Library(logger))


def _redact(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    redacted: dict[str, Any] = {key: "[redacted]" if key in _PERSONAL else value for key, value in line.items()}
    return redacted
