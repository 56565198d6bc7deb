"""Cases as they are kept: what an earlier version wrote is still a case."""

import json
from typing import Any

from pydantic import TypeAdapter

from notifier.case_value import Case
from notifier.sheet_sql import read
from tests.support import build

ADAPTER: TypeAdapter[Case] = TypeAdapter(Case)
NEWER = ("owed_at", "waiting", "is_suspected", "resume_at", "home", "confirmations", "later", "at_any_hour")


def test_a_case_from_before_pre_alarms_and_policies_by_rule_is_read() -> None:
    case = build.case()
    document: dict[str, Any] = json.loads(ADAPTER.dump_json(case))
    for name in NEWER:
        del document[name]
    del document["policy"]["call"]
    for person in document["people"]:
        del person["hours"]
    assert read(json.dumps(document)) == case
