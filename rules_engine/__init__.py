"""From readings to alerts: pure and replayable."""
