"""What every loop is handed besides its own ports: the clock it goes by, and where it tells what it does."""

from dataclasses import dataclass, field

from carebell.clock import Clock
from carebell.logs import Logger
from carebell.progress import Progress
from carebell.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Instruments:
    """A clock, the metrics, the log lines, and who has moved when."""

    clock: Clock
    telemetry: Telemetry
    logger: Logger
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "progress", Progress(self.clock))
