"""Ids are computed from their causes, not drawn: a replay or a retry lands on the same row."""

from hashlib import sha256

ID_LENGTH = 32


def computed(*causes: object) -> str:
    """A stable id of 32 hexadecimal digits; the same causes in the same order give the same id."""
    joined = "\x1f".join(map(str, causes))
    return sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:ID_LENGTH]
