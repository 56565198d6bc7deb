"""Passwords of devices: drawn by us, shown once, and kept as a hash."""

import base64
import hmac
from collections.abc import Callable
from hashlib import pbkdf2_hmac

PASSWORD_BYTES, SALT_BYTES = 16, 12
# Mosquitto's own scheme, so that its file can be written from what is kept here. Nobody guesses 128 random bits, however
# fast the hash: rounds would only slow down the log-ins of a whole town after a power cut.
_ROUNDS, _SCHEME = 101, "7"
Draw = Callable[[int], bytes]


def new_password(drawn: bytes) -> str:
    """As people type it: 26 small letters and digits, without 0, 1, 8 and 9."""
    if len(drawn) != PASSWORD_BYTES:
        raise ValueError(f"a password is made of {PASSWORD_BYTES} random bytes")
    return base64.b32encode(drawn).decode().rstrip("=").lower()


def hashed(password: str, salt: bytes) -> str:
    """What is kept of it: scheme, rounds, salt and PBKDF2-SHA512, as in a password file of Mosquitto."""
    return _hashed(password, salt, _ROUNDS)


def is_password(password: str, secret: str) -> bool:
    """Whether a secret was made from that password. Takes well below a millisecond, the same for every answer."""
    _, _, rounds, salt, _ = secret.split("$")
    return hmac.compare_digest(_hashed(password, base64.b64decode(salt), int(rounds)), secret)


def _hashed(password: str, salt: bytes, rounds: int) -> str:
    digest = pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"${_SCHEME}${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def drawn_password(draw: Draw) -> tuple[str, str]:
    """A new password to be shown once, and what is kept of it. `draw` gives random bytes, such as secrets.token_bytes."""
    password = new_password(draw(PASSWORD_BYTES))
    return password, hashed(password, draw(SALT_BYTES))
