"""What the broker could not hold: Mosquitto counts it, and says so to nobody else. Other brokers have their own metrics.

rumqttd, the broker of a box, ends a connection that asks for this.
"""

from carebell.instruments import Instruments
from carebell.mqtt import Arrival

DROPPED = "$SYS/broker/publish/messages/dropped"


class Dropped:
    """Give it what comes on the topic."""

    def __init__(self, instruments: Instruments) -> None:
        self._gauge = instruments.telemetry.broker_dropped
        self._logger = instruments.logger
        self._known = 0

    def heard(self, arrival: Arrival) -> None:
        """Alarm when the count has risen. A broker that began anew counts from 0."""
        try:
            count = int(arrival.payload)
        except ValueError:
            return
        if count > self._known:
            self._logger.error(
                "the broker has dropped messages: what it may queue is too small", dropped=count - self._known
            )
        self._known = count
        self._gauge.set(count)
