"""What the desk does with homes: reads and changes them, takes them from files and gives them as files."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime

from pydantic import JsonValue

from carebell.errors import BadInput
from devices.registry import Device, Home, Registry, Revised
from devices.registry_changes import AuditLine, changes_between
from devices.registry_edit import change_home, device_of, with_device, without_device
from devices.registry_file import read_file, write_homes
from devices.registry_json import home_document
from devices.registry_patch import BadFields, patched
from notifier.desk.shape import Json, time

# Why settings of a home cannot be used, by rule.
Refusals = Callable[[Home], Mapping[str, str]]
_PAGE = 500


class Homes:
    """`refusals` knows what a home's own settings of rules mean. Times are given, and who does it."""

    def __init__(self, registry: Registry, refusals: Refusals) -> None:
        self._registry = registry
        self._refusals = refusals

    async def page(self, after: str, limit: int) -> Json:
        """A page of homes in the order of their ids."""
        homes = await self._registry.homes(after, limit + 1)
        has_more = len(homes) > limit
        return {
            "homes": [home_document(home) for home in homes[:limit]],
            "next": homes[limit - 1].home_id if has_more else None,
        }

    async def home(self, home_id: str) -> Revised | None:
        return await self._registry.revised(home_id)

    async def put(self, home: Home, *, by: str, at: datetime, expected: int | None) -> tuple[Revised, bool]:
        """The home as it is kept, and whether it is new. Raises AddressTaken, BadInput, ChangedMeanwhile."""
        if refused := self._refusals(home):
            raise BadInput([f"settings of {rule}: {sentence}" for rule, sentence in refused.items()])
        known = await self._registry.revised(home.home_id)
        wanted = None if expected is None else {home.home_id: expected}
        await self._registry.put([home], by=by, at=at, expected=wanted)
        kept = await self._registry.revised(home.home_id)
        return kept or Revised(home, 0), known is None

    async def remove(self, home_id: str, *, by: str, at: datetime, expected: int | None) -> bool:
        return await self._registry.remove(home_id, by=by, at=at, expected=expected)

    async def change(
        self, home_id: str, change: Callable[[Home], Home], *, by: str, at: datetime, expected: int | None = None
    ) -> Revised | None:
        """The home after the change, on top of whatever others have changed; None where there is no such home. Raises as
        `put` does; a home that the change puts in disorder is BadInput."""

        def in_order(home: Home) -> Home:
            try:
                return change(home)
            except ValueError as refusal:
                raise BadInput(str(refusal)) from refusal

        return await change_home(self._registry, home_id, in_order, by=by, at=at, expected=expected)

    async def patch(
        self, home_id: str, patch: dict[str, JsonValue], *, by: str, at: datetime, expected: int | None
    ) -> Revised | None:
        """The home with the fields that the patch names; None where there is no such home. Raises as `put` does; BadFields
        with the place of what is wrong."""

        def with_patch(home: Home) -> Home:
            changed = patched(home, patch, at)
            if refused := self._refusals(changed):
                raise BadFields((("settings", rule), sentence) for rule, sentence in refused.items())
            return changed

        return await change_home(self._registry, home_id, with_patch, by=by, at=at, expected=expected)

    async def put_device(
        self, home_id: str, device: Device, *, by: str, at: datetime, expected: int | None
    ) -> Revised | None:
        """The home with the device; None where there is no such home."""
        return await self.change(home_id, lambda home: with_device(home, device), by=by, at=at, expected=expected)

    async def remove_device(
        self, home_id: str, device_id: str, *, by: str, at: datetime, expected: int | None
    ) -> Revised | None:
        """The home without the device; None where there is no such device."""
        found = await self._registry.revised(home_id)
        if found is None or device_of(found.home, device_id) is None:
            return None
        return await self.change(home_id, lambda home: without_device(home, device_id), by=by, at=at, expected=expected)

    async def take(self, data: bytes, name: str, *, by: str, at: datetime, is_trial: bool) -> Json:
        """All homes of a file or none. Raises BadInput with every bad line."""
        file = await asyncio.to_thread(read_file, data, name, self._refusals)
        changed = await file.put_into(self._registry, by=by, at=at, is_trial=is_trial)
        return {"homes": len(file.homes), "changed": changed, "dry_run": is_trial}

    async def give(self, suffix: str) -> str:
        """Every home, as the text of a file."""
        homes: list[Home] = []
        while page := await self._registry.homes(homes[-1].home_id if homes else "", _PAGE):
            homes += page
        return await asyncio.to_thread(write_homes, homes, suffix)

    async def audit(self, home_id: str, before: int | None, limit: int) -> Json | None:
        """Who changed what, newest first; None for a home that never was."""
        lines = await self._registry.audit(home_id, before=before, limit=limit + 1)
        if not lines and before is None:
            return None
        shown = lines[-limit:]
        return {
            "audit": [_audit_json(line) for line in reversed(shown)],
            "next": str(shown[0].revision) if len(lines) > limit else None,
        }


def _audit_json(line: AuditLine) -> Json:
    what = "added" if line.before is None else "removed" if line.after is None else "changed"
    return {
        "revision": line.revision,
        "at": time(line.at),
        "by": line.by,
        "what": what,
        "changes": [asdict(change) for change in changes_between(line.before, line.after)],
    }
