"""What an examination finds, and the first question to every server: does anybody listen there at all?"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from deploy.watch import CLOCKS_APART

_CONNECT_WITHIN_S = 3.0
_EXAMINE_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. Without `mend` all is well; with it, `said` is what is wrong and `mend` what to do."""

    what: str
    said: str
    mend: str = ""

    @property
    def is_problem(self) -> bool:
        return bool(self.mend)

    def line(self) -> str:
        return f"PROBLEM  {self.what}: {self.said}. {self.mend}" if self.mend else f"ok       {self.what}: {self.said}"


Examination = Callable[[], Awaitable[Sequence[Finding]]]


async def examine(what: str, examination: Examination) -> Sequence[Finding]:
    """Its findings, within a bound."""
    try:
        async with asyncio.timeout(_EXAMINE_WITHIN_S):
            return await examination()
    except TimeoutError:
        said = f"it did not answer everything within {_EXAMINE_WITHIN_S:.0f} s"
        return [Finding(what, said, "Look whether it is overloaded or frozen, and at its own log.")]


async def reach(what: str, host: str, port: int) -> Finding:
    """Whether a connection comes about."""
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        mend = "Is the machine up, and does a firewall let this one through?"
        return Finding(what, f"{where} does not answer within {_CONNECT_WITHIN_S:.0f} s", mend)
    except (socket.gaierror, UnicodeError):
        return Finding(what, f"no address is known for the name {host}", "Check its spelling, and DNS on this machine.")
    except ConnectionRefusedError:
        mend = "Start it, or correct the port; does it listen on more than its own loopback?"
        return Finding(what, f"nobody listens at {where}", mend)
    except OSError as error:
        return Finding(
            what, f"{where} cannot be reached: {error.strerror or error}", "Check the network and its routes."
        )
    writer.close()
    return Finding(what, f"{where} can be reached")


def clock(what: str, apart: timedelta) -> Finding:
    """Whether its clock agrees with ours."""
    seconds = apart.total_seconds()
    if abs(apart) > CLOCKS_APART:
        mend = "Set both by NTP: leases and due times are judged by these clocks."
        return Finding(f"{what} clock", f"it differs from ours by {seconds:+.1f} s", mend)
    return Finding(f"{what} clock", f"it agrees with ours within {CLOCKS_APART.total_seconds():.0f} s")
