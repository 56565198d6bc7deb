"""What every loop is handed besides its own ports: the clock it goes by, and where it tells what it does."""

from dataclasses import dataclass

from carebell.clock import Clock
from carebell.logs import Logger
from carebell.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Instruments:
    """A clock, the metrics, the log lines."""

    clock: Clock
    telemetry: Telemetry
    logger: Logger
