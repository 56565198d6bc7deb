"""The console: a line on a stream. For demonstrations and for the box whose operator looks at its terminal."""

from typing import TextIO

from carebell.errors import TryLater
from notifier.message import Outgoing


class ConsoleChannel:
    """Each message is one line, flushed."""

    name = "console"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    async def send(self, message: Outgoing) -> str:
        role, step = message.data.get("role"), message.data.get("step")
        line = f"[{step} → {role} {message.to}] {message.subject} | {message.text}"
        try:
            self._stream.write(" ".join(line.split()) + "\n")
            self._stream.flush()
        except OSError as error:
            raise TryLater(f"the console cannot be written: {error}") from error
        return "written"

    async def close(self) -> None:
        """Nothing is held."""
