"""Whatever can be told without a server: people, channels, policies, room on the disk."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from carebell.errors import BadInput
from deploy.channels import check_channels, nobody_to_tell
from deploy.city_config import CityConfig
from deploy.config import policies_of, rulebook_of
from deploy.doctor.finding import Finding

_ROOM = 512 * 2**20


async def examine_local(config: CityConfig) -> Sequence[Finding]:
    """Files and people. A policy or rulebook that cannot be read raises BadInput, as it does for the processes."""
    policies, rulebook = policies_of(config), rulebook_of(config.rulebook)
    findings = [Finding("rulebook", rulebook.label)]
    try:
        check_channels(policies, config.channels)
    except BadInput as error:
        findings += [
            Finding("policies", problem, "Set it up, or take it out of the policy.") for problem in error.problems
        ]
    else:
        findings.append(Finding("policies", "every channel that they name is set up"))
    if not config.desk.tokens:
        mend = "Set a long random text for each desk, with the name it stands for."
        findings.append(Finding("desk", "desk.tokens names nobody: no desk can be opened", mend))
    silent = nobody_to_tell(config, policies)
    findings += [
        Finding("people", warning, "See responders and channels in docs/configuration.md.") for warning in silent
    ]
    if not silent:
        findings.append(Finding("people", f"{len(config.responders)} on duty, and each can be told"))
    return [*findings, examine_spool(config.spool)]


def examine_spool(spool: Path) -> Finding:
    """Whether calls could be kept here while Kafka is away."""
    folder = next((one for one in (spool, *spool.parents) if one.exists()), Path("/"))
    if not os.access(folder, os.W_OK):
        return Finding("spool", f"{spool} cannot be written by this account", "Make it, and give it to this account.")
    free = shutil.disk_usage(folder).free
    said = f"{spool}: {free / 2**30:.1f} GiB free"
    if free < _ROOM:
        return Finding("spool", said, "Make room: calls that Kafka does not take are kept here.")
    return Finding("spool", said)
