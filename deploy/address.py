"""Addresses of MQTT brokers as people write them."""

from urllib.parse import parse_qs, unquote, urlsplit

from carebell.errors import BadInput
from carebell.mqtt import MqttAddress

_PORTS = {"mqtt": 1883, "mqtts": 8883}


def read_address(text: str, option: str = "--broker") -> MqttAddress:
    """`mqtt://[user:password@]host[:port]`, or `mqtts` for TLS. Raises BadInput."""
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise BadInput(f"{option} {without_login(text)}: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        expected = (
            "embedded, mosquitto or mqtt://host:port"
            if option == "--broker"
            else "mqtt://host:port or mqtts://host:port"
        )
        raise BadInput(f"{option} {without_login(text)}: expected {expected}")
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return MqttAddress(parts.hostname, port, username, password, is_encrypted=parts.scheme == "mqtts")


def check_server_url(text: str) -> dict[str, list[str]]:
    """What stands behind its question mark. Raises ValueError, in words that repeat nothing of it, where its readers would
    not agree on where the password ends."""
    try:
        parts = urlsplit(text)
        _ = parts.port
        is_plain = not parts.fragment and parts.netloc.count("@") <= 1 and "@" not in parts.path + parts.query
    except ValueError:
        is_plain = False
    if not is_plain:
        raise ValueError(
            "not an address: in a password write # as %23, / as %2F, ? as %3F, @ as %40, [ as %5B, ] as %5D, % as %25"
        ) from None
    return parse_qs(parts.query, keep_blank_values=True)


def without_login(text: str) -> str:
    """An address fit to be shown."""
    return text.rpartition("@")[2]
