"""Credentials given and taken: our table first, then the broker, and nothing is called done before both have it.

Whatever fails between the two leaves a credential unsettled: it is told of at once, and again by every `provision`.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from carebell.errors import Refused, TryLater
from deploy.dynsec import Dynsec
from deploy.dynsec_plan import admission, expulsion, plan
from devices.credentials import Credential, Credentials, Holder
from devices.password import Draw, drawn_password

_PAGE = 500
# Takes a password to where it will be found.
Keep = Callable[[str], None]
OpenDynsec = Callable[[], AbstractAsyncContextManager[Dynsec]]


class Gate(Protocol):
    """The broker. Every call raises TryLater or Refused where the broker has not done it, or not for certain."""

    async def admit(self, credential: Credential, password: str) -> None:
        """Let it in with this password only; whoever is connected under its name is cut off."""
        ...

    async def expel(self, username: str) -> None:
        """Let it in no more, and cut it off."""
        ...

    async def reconcile(self, credentials: Credentials) -> list[str]:
        """Bring the broker to what is kept here; what was done and what a person must mend, the latter with a `!`."""
        ...


class AskingGate:
    """A broker that asks the desk each time (EMQX): there is nothing to tell it."""

    async def admit(self, credential: Credential, password: str) -> None:
        """It will ask."""

    async def expel(self, username: str) -> None:
        """It will ask."""

    async def reconcile(self, credentials: Credentials) -> list[str]:
        """Everything stands with us."""
        for credential in await credentials.still_inside():
            await credentials.settle(credential)
        return ["the broker asks the desk: there is nothing to provision"]


class DynsecGate:
    """Mosquitto with its dynamic security plugin."""

    def __init__(self, dynsec: OpenDynsec) -> None:
        self._dynsec = dynsec

    async def admit(self, credential: Credential, password: str) -> None:
        async with self._dynsec() as dynsec:
            await dynsec.do(admission(credential, password))

    async def expel(self, username: str) -> None:
        async with self._dynsec() as dynsec:
            await dynsec.do(expulsion(username))

    async def reconcile(self, credentials: Credentials) -> list[str]:
        async with self._dynsec() as dynsec:
            planned = plan([one async for one in every(credentials)], await dynsec.found())
            await dynsec.do(planned.commands)
        for credential in planned.settled:
            await credentials.settle(credential)
        done = f"{len(planned.commands)} commands done" if planned.commands else "the broker: nothing to do"
        return [done, *(f"! {problem}" for problem in planned.problems)]


@dataclass(frozen=True, slots=True)
class Access:
    """Gives and takes credentials. `draw` gives random bytes."""

    credentials: Credentials
    gate: Gate
    draw: Draw = secrets.token_bytes

    async def issue(self, holder: Holder, *, by: str, at: datetime, keep: Keep | None = None) -> str:
        """The password, to be shown once. Raises BadInput; TryLater or Refused where the broker has not taken it.

        `keep` has it before the credential is settled: whoever is ended in between leaves one that is told of, and not one
        that works and that nobody knows. What it raises is passed on.
        """
        password, secret = drawn_password(self.draw)
        return await self._admit(await self.credentials.issue(holder, secret, by=by, at=at), password, keep)

    async def rotate(self, username: str, *, by: str, at: datetime) -> str:
        """Another password; the old one stops at once. Raises as `issue`."""
        password, secret = drawn_password(self.draw)
        return await self._admit(await self.credentials.rotate(username, secret, by=by, at=at), password)

    async def revoke(self, username: str, *, by: str, at: datetime) -> None:
        """Let it in no more. Raises as `issue`. May be repeated until the broker has heard it."""
        await self.expel(await self.credentials.revoke(username, by=by, at=at))

    async def expel(self, revoked: Credential) -> None:
        """Tell the broker of one that is revoked here. Raises as `issue`; may be repeated."""
        name = revoked.username
        with _told(f"{name} is revoked here, but the broker may still let it in: revoke it again"):
            await self.gate.expel(name)
        if not await self.credentials.settle(revoked):
            newer = await self.credentials.find(name)
            if newer is not None and newer.is_valid:
                # It got a password while we spoke to the broker, and we may have been heard last.
                await self.credentials.doubt(name)
                raise Refused(f"{name} was given a password at the same time, which may not work: rotate it")

    async def _admit(self, credential: Credential, password: str, keep: Keep | None = None) -> str:
        name = credential.username
        doubt = f"the broker may not have taken the password of {name}, an older one may still work: rotate it"
        with _told(doubt):
            await self.gate.admit(credential, password)
        if keep is not None:
            keep(password)
        with _told(doubt):
            if await self.credentials.settle(credential):
                return password
            newer = await self.credentials.find(name)
            if newer is None or not newer.is_valid:
                # It was revoked while we spoke to the broker, which may have heard us last.
                await self.gate.expel(name)
        raise Refused(
            f"{name} was changed by somebody else at the same time: look at it, and rotate it if it shall stay"
        )


async def every(credentials: Credentials, *, home_id: str = "") -> AsyncIterator[Credential]:
    """All of them by user name, revoked ones too; of one home where it is named."""
    after = ""
    while page := await credentials.page(after, _PAGE, home_id=home_id):
        for credential in page:
            yield credential
        after = page[-1].username


@contextmanager
def _told(what: str) -> Iterator[None]:
    """A failure, with what it leaves behind."""
    try:
        yield
    except TryLater as error:
        raise TryLater(f"{what} ({error})") from error
    except Refused as error:
        raise Refused(f"{what} ({error})") from error
