"""TLS of a connection to a broker: whose signature we trust, and our own certificate where the broker asks for one."""

from typing import Protocol

from carebell.errors import BadInput


class Client(Protocol):
    """The part of paho's client that this sets up."""

    def tls_set(self, ca_certs: str | None = None, certfile: str | None = None, keyfile: str | None = None) -> None: ...


def set_tls(client: Client, ca: str | None, certificate: str | None, key: str | None) -> None:
    """Each is the path of a file; without `ca`, whomever the system trusts. Raises BadInput."""
    try:
        client.tls_set(ca_certs=ca, certfile=certificate, keyfile=key)
    except (OSError, ValueError) as error:
        files = ", ".join(one for one in (ca, certificate, key) if one) or "the system's"
        raise BadInput(f"authority or certificate for the broker ({files}) cannot be read: {error}") from error
