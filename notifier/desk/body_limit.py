"""No body is taken whole into memory that is larger than anything the desk reads: it is read before anybody is known."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A file of homes is the largest, see `homes_files_api`.
MAX_BODY = 5 * 1024 * 1024


class BodyLimit:
    """An ASGI application around another one: what it is still given of a body that is too large ends in a 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY:
                raise HTTPException(413, "Too large")
            return message

        await self._app(scope, counted, send)
