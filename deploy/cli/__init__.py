"""The command `carebell`. Every command has --help; a bad argument or configuration is one clear line and exit code 2."""

import argparse
import sys
from collections.abc import Sequence

from carebell.errors import BadInput, TryLater
from deploy.cli import admin, city, decode, doctor, replay, simulate, up

_COMMANDS = (up, city, doctor, admin, simulate, replay, decode)


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script."""
    parser = argparse.ArgumentParser(
        prog="carebell", description="Carries an elder's call for help to somebody who answers."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except BadInput as error:
        for problem in error.problems:
            print(f"carebell {options.command}: {problem}", file=sys.stderr)
        return 2
    except TryLater as error:
        print(f"carebell {options.command}: {error.reason}; nothing more can be done now", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return code
