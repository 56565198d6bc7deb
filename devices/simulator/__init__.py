"""Homes that live a day, as real MQTT clients. Seeded, so that a run can be repeated."""
