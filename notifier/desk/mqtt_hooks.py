"""What an EMQX asks before it lets a client in, and before a client may publish or subscribe.

The answer is always a 200 with allow or deny, whatever was sent: EMQX takes anything else for “no opinion”. While the
database does not answer, whoever was known last is judged by that: nobody can be revoked meanwhile.
"""

import asyncio
import hmac
from typing import Annotated, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from carebell.errors import TryLater
from carebell.instruments import Instruments
from devices.credentials import Action, Credential, Credentials, may_be, permits
from devices.password import is_password

HEADER = "x-carebell-hook-secret"
_BODY_LIMIT = 262_144
_LOOKS_WITHIN_S = 1.0
_ALLOW: dict[str, str | bool] = {"result": "allow", "is_superuser": False}
_DENY: dict[str, str | bool] = {"result": "deny"}
Text = Annotated[str, Field(max_length=65_535)]


class _Question(BaseModel):
    """What every question says of the client; EMQX may say more."""

    model_config = ConfigDict(extra="ignore", strict=True)

    username: Text


class Connecting(_Question):
    """May this client connect?"""

    clientid: Text
    password: Text


class Doing(_Question):
    """May this client do that?"""

    action: Annotated[Action, Field(strict=False)]
    topic: Text


Question = TypeVar("Question", bound=_Question)


class Doorkeeper:
    """Answers by what is kept of the credentials: one look-up by key, and a fast hash."""

    def __init__(self, credentials: Credentials, secret: str, instruments: Instruments) -> None:
        self._credentials = credentials
        self._secret = secret.encode()
        self._logger = instruments.logger
        self._last: dict[str, Credential] = {}
        self._was_strange = False

    def knows(self, secret: str) -> bool:
        """Whether it is our broker that asks. Told once of a stranger, until ours asks again."""
        is_ours = hmac.compare_digest(self._secret, secret.encode("utf-8", "replace"))
        if not is_ours and not self._was_strange:
            self._logger.warning("a broker asks with a wrong secret: all that it asks for is denied")
        self._was_strange = not is_ours
        return is_ours

    async def may_connect(self, asked: Connecting) -> bool:
        """By name, password and client id."""
        known = await self._find(asked.username)
        return known is not None and may_be(known.holder, asked.clientid) and is_password(asked.password, known.secret)

    async def may_do(self, asked: Doing) -> bool:
        """By name; whoever was revoked since it connected may do nothing more."""
        known = await self._find(asked.username)
        return known is not None and permits(known.holder, asked.action, asked.topic)

    async def _find(self, username: str) -> Credential | None:
        """The valid credential of that name."""
        try:
            async with asyncio.timeout(_LOOKS_WITHIN_S):
                found = await self._credentials.find(username)
        except (TryLater, TimeoutError):
            return self._last.get(username)
        if found is None or not found.is_valid:
            self._last.pop(username, None)
            return None
        self._last[username] = found
        return found


def hook_routes(doorkeeper: Doorkeeper) -> APIRouter:
    """The two hooks, for the broker only."""
    routes = APIRouter(prefix="/hooks/mqtt", include_in_schema=False)

    @routes.post("/authentication")
    async def authentication(request: Request) -> dict[str, str | bool]:
        asked = await _asked(request, doorkeeper, Connecting)
        return _ALLOW if asked is not None and await doorkeeper.may_connect(asked) else _DENY

    @routes.post("/authorization")
    async def authorization(request: Request) -> dict[str, str | bool]:
        asked = await _asked(request, doorkeeper, Doing)
        return _ALLOW if asked is not None and await doorkeeper.may_do(asked) else _DENY

    return routes


async def _asked(request: Request, doorkeeper: Doorkeeper, shape: type[Question]) -> Question | None:
    """The question; None where it is not one, or not our broker's."""
    if not doorkeeper.knows(request.headers.get(HEADER, "")):
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _BODY_LIMIT:
            return None
    try:
        return shape.model_validate_json(bytes(body))
    except ValidationError:
        return None
