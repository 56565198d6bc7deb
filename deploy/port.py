"""Ports to listen on: taken before anything runs, so that one that cannot be had is told in a sentence."""

import socket
from secrets import randbelow

from carebell.errors import BadInput

_BELOW_CLIENTS = range(20_000, 32_768)


def bind(host: str, port: int, option: str) -> socket.socket:
    """A listening socket. Raises BadInput in one sentence."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError, ValueError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{option} {port}: cannot listen on {host}:{port}: {reason}") from error
    return listening


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)  # noqa: S101
    return port


def inner_ports(count: int) -> list[int]:
    """So many ports nobody listens on now, below those that the kernel gives to clients (from 32768 on Linux): one of
    those could be a client's before whoever gets it listens."""
    found: dict[int, None] = {}
    while len(found) < count:
        port = _BELOW_CLIENTS.start + randbelow(len(_BELOW_CLIENTS))
        if not is_taken(port):
            found[port] = None
    return list(found)


def is_taken(port: int) -> bool:
    """Whether somebody on this machine listens there."""
    try:
        bind("127.0.0.1", port, "port").close()
    except BadInput:
        return True
    return False
