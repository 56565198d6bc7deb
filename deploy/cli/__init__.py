"""The command `carebell`. Every command has --help; a bad argument or configuration is one clear line and exit code 2."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from carebell.errors import BadInput, TryLater

# The commands and the module of each, in the order of the help. Only the module that is asked for is loaded.
_COMMANDS = {
    "up": "up",
    "ingest": "city",
    "rules": "city",
    "notify": "city",
    "desk": "city",
    "doctor": "doctor",
    "admin": "admin",
    "simulate": "simulate",
    "replay": "replay",
    "decode": "decode",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="carebell", description="Carries an elder's call for help to somebody who answers."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _modules(arguments):
        import_module(f"deploy.cli.{module}").add(commands)
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


def _modules(arguments: Sequence[str]) -> Sequence[str]:
    asked = _COMMANDS.get(arguments[0]) if arguments else None
    return tuple(dict.fromkeys(_COMMANDS.values())) if asked is None else (asked,)
