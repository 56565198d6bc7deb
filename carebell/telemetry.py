"""What operators see: every metric is named and described here, and made per process, never global.

Labels are closed sets: a word from a device or a person never becomes a label.
"""

from datetime import timedelta
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from carebell.types import Alert, Kind, Reading

_BUCKETS = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
_KINDS = frozenset(Kind)


class Hop(StrEnum):
    """The parts of the road from a press to a person; each is measured on every alert."""

    RECEIVED_TO_LOG = "received_to_log"
    RECEIVED_TO_ALERT = "received_to_alert"
    ALERT_TO_CASE = "alert_to_case"
    DUE_TO_ATTEMPT = "due_to_attempt"
    RECEIVED_TO_ATTEMPT = "received_to_attempt"
    CASE_TO_ACCEPTED = "case_to_accepted"


class Telemetry:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._known_readings: dict[str, tuple[Counter, Histogram]] = {}
        self._road(self._registry)
        self._intake(self._registry)
        self._seat(self._registry)
        self._rules(self._registry)
        self._cases(self._registry)
        self._servers(self._registry)

    def _road(self, registry: CollectorRegistry) -> None:
        self.hop = Histogram(
            "carebell_hop_seconds", "Time a hop took.", ["hop", "kind"], buckets=_BUCKETS, registry=registry
        )
        self.deliveries = Counter(
            "carebell_deliveries_total", "Attempts to reach a person.", ["channel", "outcome"], registry=registry
        )
        self.resent = Counter(
            "carebell_deliveries_resent_total",
            "Attempts made again because the first was caught between sending and recording.",
            ["channel"],
            registry=registry,
        )
        self.restarts = Counter(
            "carebell_loop_restarts_total", "Loops that crashed and were started again.", ["loop"], registry=registry
        )

    def _intake(self, registry: CollectorRegistry) -> None:
        self.readings = Counter(
            "carebell_readings_total", "Readings appended to the log.", ["lane", "kind"], registry=registry
        )
        self.rejected = Counter(
            "carebell_rejected_total", "Messages that could not be read.", ["reason"], registry=registry
        )
        self.unregistered = Counter(
            "carebell_unregistered_readings_total",
            "Messages of a home or device that the registry does not know; they go through.",
            registry=registry,
        )
        self.left_out = Counter(
            "carebell_unregistered_left_out_total",
            "Readings that are no calls, of senders that the registry does not know and whose topic names no home.",
            registry=registry,
        )
        self.mqtt_connected = Gauge(
            "carebell_mqtt_connected",
            "1 while the connection to the MQTT broker stands.",
            ["client"],
            registry=registry,
        )
        self.pulse_age = Gauge(
            "carebell_pulse_age_seconds", "Since a pulse last came back through the broker.", registry=registry
        )
        self.append_failed = Counter(
            "carebell_log_append_failed_total", "Appends to the log that failed and are tried again.", registry=registry
        )

    def _seat(self, registry: CollectorRegistry) -> None:
        self.seat_held = Gauge(
            "carebell_seat_held", "1 while this process hears the homes, 0 while it stands by.", registry=registry
        )
        self.seat_taken = Counter(
            "carebell_seat_taken_total", "Times this process began to hear the homes.", registry=registry
        )
        self.under_way = Gauge(
            "carebell_messages_under_way", "Messages that have come and are not acknowledged yet.", registry=registry
        )
        self.spooled = Counter(
            "carebell_spooled_total",
            "Calls for help put on local disk because the log did not take them.",
            registry=registry,
        )
        self.spool_waiting = Gauge(
            "carebell_spool_waiting", "Calls for help that wait on local disk for the log.", registry=registry
        )
        self.broker_dropped = Gauge(
            "carebell_broker_dropped_messages",
            "Messages that the broker says it has dropped since it began.",
            registry=registry,
        )

    def _rules(self, registry: CollectorRegistry) -> None:
        self.budget_missed = Counter(
            "carebell_budget_missed_total", "Alerts raised later than their rule's budget.", ["rule"], registry=registry
        )
        self.alerts = Counter(
            "carebell_alerts_total", "Alerts raised.", ["rule", "severity", "status"], registry=registry
        )
        self.rule_failed = Counter(
            "carebell_rule_failed_total", "Steps of a rule that raised an error.", ["rule"], registry=registry
        )
        self.oldest_unprocessed = Gauge(
            "carebell_oldest_unprocessed_seconds",
            "Age of the oldest record a batch began with.",
            ["worker"],
            registry=registry,
        )
        self.oldest_urgent = Gauge(
            "carebell_oldest_urgent_seconds", "Age of the oldest urgent reading a batch began with.", registry=registry
        )
        self.unsaved = Gauge(
            "carebell_store_unsaved_seconds",
            "How long the oldest change of what the rules remember waits to be saved.",
            registry=registry,
        )

    def _cases(self, registry: CollectorRegistry) -> None:
        self.cases_open = Gauge("carebell_cases_open", "Cases that nobody has closed.", ["status"], registry=registry)
        self.oldest_unanswered = Gauge(
            "carebell_oldest_unanswered_seconds", "Age of the oldest case nobody has accepted.", registry=registry
        )
        self.overdue = Gauge(
            "carebell_due_not_done", "Steps and deliveries that are due and not done.", ["what"], registry=registry
        )
        self.without_next = Gauge(
            "carebell_open_cases_without_next_action", "Open cases with no due time: always 0.", registry=registry
        )
        self.audit_at = Gauge(
            "carebell_audit_timestamp_seconds", "When the auditor last looked at every open case.", registry=registry
        )
        self.decisions = Counter(
            "carebell_case_decisions_total", "Decisions written on cases.", ["what"], registry=registry
        )

    def _servers(self, registry: CollectorRegistry) -> None:
        self.server_answers = Gauge(
            "carebell_server_answers", "1 while a server that is needed answers.", ["server"], registry=registry
        )
        self.clock_difference = Gauge(
            "carebell_clock_difference_seconds",
            "How far the clock of a server is ahead of ours, for certain.",
            ["server"],
            registry=registry,
        )
        self.waiting = Gauge(
            "carebell_waiting_seconds",
            "How long the oldest call for help or alert has waited that a group has not dealt with.",
            ["group"],
            registry=registry,
        )
        self.heard_age = Gauge(
            "carebell_heard_seconds", "Since anything last came into the log, ticks among it.", registry=registry
        )

    def reading_in_log(self, reading: Reading, took: timedelta) -> None:
        """Done for each reading there is: finding a metric by its labels costs more than counting."""
        known = self._known_readings.get(reading.kind)
        if known is None:
            kind, lane = known_kind(reading.kind), "urgent" if reading.is_urgent else "telemetry"
            known = self.readings.labels(lane, kind), self.hop.labels(Hop.RECEIVED_TO_LOG, kind)
            if kind == reading.kind:  # a word of a device is not kept
                self._known_readings[kind] = known
        counter, histogram = known
        counter.inc()
        histogram.observe(max(0.0, took.total_seconds()))

    def observe(self, hop: Hop, kind: str, took: timedelta) -> None:
        """A hop's time; a clock that was set back counts as 0."""
        self.hop.labels(hop, known_kind(kind)).observe(max(0.0, took.total_seconds()))

    def observe_rule(self, hop: Hop, rule: str, took: timedelta) -> None:
        """A hop's time behind the rules, by the rule; rules are a closed set."""
        self.hop.labels(hop, rule).observe(max(0.0, took.total_seconds()))

    def alert_raised(self, alert: Alert, took: timedelta) -> None:
        """An alert has left the rules; `took` runs from the reading's receipt."""
        self.alerts.labels(alert.rule, alert.severity, alert.status).inc()
        self.observe_rule(Hop.RECEIVED_TO_ALERT, alert.rule, took)
        if took > alert.budget:
            self.budget_missed.labels(alert.rule).inc()

    def exposition(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)


def known_kind(kind: str) -> str:
    """The kind as a label: words outside the vocabulary count as `other`."""
    return kind if kind in _KINDS else Kind.OTHER.value
