"""What the desk reads: cases joined with what the registry knows of their homes."""

from collections.abc import Sequence

from devices.credentials import Credentials
from devices.registry import Registry
from notifier.casebook import Casebook, LineRow
from notifier.desk.homes import Homes, Refusals
from notifier.desk.last_words import LastWords
from notifier.desk.shape import Json, case_json, whole_case_json

_TIMELINE_LIMIT = 2000


class Library:
    """The casebook and the registry, seen together."""

    def __init__(
        self,
        casebook: Casebook,
        registry: Registry,
        credentials: Credentials,
        refusals: Refusals = lambda home: {},
        words: LastWords | None = None,
    ) -> None:
        """`credentials` are only read; `refusals` says why settings of a home cannot be used, by rule; `words` are what
        devices said last."""
        self._casebook = casebook
        self._registry = registry
        self.credentials = credentials
        self.homes = Homes(registry, refusals)
        self.words = words or LastWords()

    async def page(
        self, statuses: Sequence[str], limit: int, cursor: str | None, *, home_id: str = "", outcome: str = ""
    ) -> Json:
        """A page of cases. `feed_id` is where the feed goes on from what is shown here."""
        feed_id = await self._casebook.last_line()
        page = await self._casebook.cases(statuses, limit, cursor, home_id=home_id, outcome=outcome)
        cases = [
            case_json(case, updated_at, await self._registry.home(case.home_id)) for case, updated_at in page.cases
        ]
        return {"cases": cases, "next": page.next, "feed_id": feed_id}

    async def brief(self, case_id: str) -> Json | None:
        """A case as in a list."""
        found = await self._casebook.case(case_id)
        if found is None:
            return None
        case, updated_at = found
        return case_json(case, updated_at, await self._registry.home(case.home_id))

    async def whole(self, case_id: str) -> Json | None:
        """A case with its time line and deliveries."""
        found = await self._casebook.case(case_id)
        if found is None:
            return None
        case, updated_at = found
        lines = await self._casebook.lines(after=0, limit=_TIMELINE_LIMIT, case_id=case_id)
        deliveries = await self._casebook.deliveries(case_id)
        return whole_case_json(case, updated_at, await self._registry.home(case.home_id), lines, deliveries)

    async def last_line(self) -> int:
        return await self._casebook.last_line()

    async def lines_behind(self, after: int, at_most: int) -> int:
        return await self._casebook.lines_behind(after, at_most)

    async def lines(self, *, after: int, limit: int) -> Sequence[LineRow]:
        return await self._casebook.lines(after=after, limit=limit)
