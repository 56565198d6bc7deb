"""A broker that is told whom it may let in, and does nothing else."""

from collections.abc import Awaitable, Callable

from carebell.errors import Refused, TryLater
from devices.credentials import Credential, Credentials


class Porter:
    """A broker that notes what it is told, and lets others act while it is being told."""

    def __init__(self) -> None:
        self.inside: dict[str, str] = {}
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.refusal: TryLater | Refused | None = None

    async def admit(self, credential: Credential, password: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        await self._meanwhile()
        self.inside[credential.username] = password

    async def expel(self, username: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        await self._meanwhile()
        self.inside.pop(username, None)

    async def _meanwhile(self) -> None:
        if self.meanwhile is not None:
            doing, self.meanwhile = self.meanwhile, None
            await doing()

    async def reconcile(self, credentials: Credentials) -> list[str]:
        return []
