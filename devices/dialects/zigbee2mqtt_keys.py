"""What the keys of a Zigbee2MQTT state mean. Pure; a key that is not here says nothing.

A key is read as its name says, unless the model gives it another meaning. `<key>_<endpoint>` is the key on a channel.
"""

import re
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.dialect import Fact
from devices.dialects import zigbee2mqtt_readers as readers
from devices.dialects.zigbee2mqtt_readers import Device, Reader, Said, switch

_FACTS_LIMIT = 500
_KEY_LIMIT = 64
_SWITCHES: dict[str, str] = {
    Kind.SOS: "sos sos_alarm",
    Kind.SMOKE: "smoke smoke_state",
    Kind.CO: "carbon_monoxide co_state",
    Kind.GAS: "gas gas_sensor_state",
    Kind.HEAT: "heat",
    Kind.TAMPER: "tamper tamper_alarm",
    Kind.TEST: "test testing test_in_progress",
}
_WATER = """
    active_water_leak current_device_status leak_detect water_condition_alarm water_leak water_leakage_state water_sensor
"""
_READ_BY: dict[Reader, str] = {
    readers.action: "action click",
    readers.contact: "contact garage_door_contact door_state opening_state",
    readers.occupancy: "occupancy",
    readers.movement: "motion motion_status movement pir_detection",
    readers.presence: "presence presence_state motion_state human_motion_state occupancy_status",
    readers.pressure: "pressure",
    readers.bed_words: "pressure_state",
    readers.switched: "state",
    readers.posture: "status",
    readers.fall: "fall_status fall_down_status",
    readers.water: _WATER,
    readers.vibration: "vibration",
    readers.alarm_state: "alarm_state",
    readers.alert_state: "halo_alert_state",
    readers.valve_state: "valve_abnormal_state",
    readers.fault: "fault fault_alarm device_fault fault_state",
    readers.fault_bit: "trouble battery_defect",
    readers.self_test: "self_test self_test_result test_alarm_result checking_result",
    readers.battery: "battery smoke_battery",
    readers.battery_low: "battery_low",
    readers.charge_word: "battery_state battery_level",
    readers.voltage: "voltage",
    readers.measured(Kind.TEMPERATURE): "temperature",
    readers.room_temperature: "local_temperature room_temperature",
    readers.measured(Kind.HUMIDITY): "humidity",
    readers.measured(Kind.CO2): "co2",
    readers.vital("breaths/min"): "breathing_rate",
    readers.vital("beats/min"): "heart_rate",
    **{switch(kind): keys for kind, keys in _SWITCHES.items()},
}
_READERS = {key: reader for reader, keys in _READ_BY.items() for key in keys.split()}
# Keys whose meaning only the model tells. `alarm_1` is the first bit of a zone: of what, it does not say.
_OF_MODELS: dict[str, dict[str, Reader]] = {
    "ts0601_bed_presence_sensor": {"work_state": readers.bed_words},
    "hm-5ha-e": {"alarm": switch(Kind.HEAT)},
    "zbco-ae-10x-eur": {"alarm": switch(Kind.CO)},
    "6254380": {"high_temperature": switch(Kind.HEAT)},
    "mkomfy25": {"high_temperature": switch(Kind.HEAT)},
    "mkomfy_sensor": {"alarm_status": readers.stove},
    "ffzb1-sm-eco": {"alarm": switch(Kind.SMOKE)},
    "mir-sm100-e": dict.fromkeys(("alarm_1", "alarm_2"), switch(Kind.SMOKE)),
    "szw08": {"alarm_status": readers.leak},
    "w04-z10t": {"alarm_status": switch(Kind.WATER)},
    "e13": dict.fromkeys(("water", "water_leak"), readers.leak),
    "ar331pro": {"battery_status": switch(Kind.BATTERY_LOW)},
    "zd1-en": {"alarm": switch(Kind.CONTACT)},
    "ts0601_vibration_alarm_sensor": {"alarm_status": switch(Kind.VIBRATION)},
    **{model: {"trouble": switch(Kind.SENSOR_FAULT)} for model in ("hs1sa-e lover", "s4sn-0071a")},
    **{model: {"battery_defect": switch(Kind.SENSOR_FAULT)} for model in ("rexzb-111", "pok012")},
    **{model: {"alarm_1": switch(Kind.CONTACT)} for model in ("1811680", "s901d-zg", "fb56-dos06hm1.1")},
}
_ENDPOINT_KEYS = """
    action battery battery_low carbon_monoxide contact gas humidity local_temperature motion occupancy presence smoke sos
    tamper temperature vibration water_leak
"""
_WITH_CHANNELS = frozenset(_ENDPOINT_KEYS.split())
_CHANNEL = re.compile(
    r"([a-z_0-9]+?)_((?:l|th|s|wire_|zone_|alarm_)?\d{1,2}|both_zones|in|out|left|right|center|top|bottom|up|down)"
)
_LEAK_CONTROLLER = re.compile(r"((?:channel|input)_\d{1,2})_(leak_detect|battery_low)(?:_\d{1,2})?")
# What a model senses is read even where it may be written too; `state` echoes that a command was heard.
_SENSED_KEYS = """
    action carbon_monoxide contact fall_down_status fall_status gas smoke sos sos_alarm state status water_leak
"""
_NEVER_A_SETTING = frozenset(_SENSED_KEYS.split())
# Told with the alarm itself. A word such as `checking` may be cached for days and must not make a fire a test.
_TEST_BITS = ("test", "testing", "test_in_progress")
_ANY_IS_ENOUGH = URGENT_KINDS | {Kind.BATTERY_LOW, Kind.SENSOR_FAULT, Kind.TAMPER, Kind.TEST}


def facts_of(state: Mapping[str, JsonValue], device: Device) -> list[Fact]:
    """Everything that a state says, urgent facts first; null says nothing, and a setting is no reading."""
    facts: list[Fact] = []
    for key, value in state.items():
        reader, channel = _reader(key, device)
        is_setting = key in device.settings and key not in _NEVER_A_SETTING
        if reader is not None and value is not None and not is_setting:
            facts += reader(Said(key, value, channel, state, device))
    return _agreed(facts)


def is_tested(state: Mapping[str, JsonValue], device: Device) -> bool | None:
    """Whether the device says that it is being tested; None where the state says nothing of tests. What starts a test is a
    setting and says nothing."""
    said = [state[key] for key in _TEST_BITS if isinstance(state.get(key), bool) and key not in device.settings]
    return True in said if said else None


def is_known(key: str) -> bool:
    """Whether a key of that name has a meaning."""
    return _reader(key, Device())[0] is not None


def _reader(key: str, device: Device) -> tuple[Reader | None, str]:
    """How a key is read, and the channel that its name gives."""
    own = _OF_MODELS.get(device.model, {}).get(key)
    if own is not None:
        return own, ""
    if key in _READERS or len(key) > _KEY_LIMIT:
        return _READERS.get(key), ""
    if (leak := _LEAK_CONTROLLER.fullmatch(key)) is not None:
        return _READERS[leak[2]], leak[1]
    split = _CHANNEL.fullmatch(key)
    if split is None or split[1] not in _WITH_CHANNELS:
        return None, ""
    return _READERS[split[1]], split[2]


def _agreed(facts: Iterable[Fact]) -> list[Fact]:
    """Where several keys tell the same level the first is right; but a danger that any of them tells is one."""
    agreed: dict[object, Fact] = {}
    for index, fact in enumerate(facts):
        what: object = (fact.kind, fact.channel) if fact.is_level else index
        before = agreed.get(what)
        if before is None or (fact.kind in _ANY_IS_ENOUGH and _is_quiet(before) and not _is_quiet(fact)):
            agreed[what] = fact
    return sorted(agreed.values(), key=lambda fact: fact.kind not in URGENT_KINDS)[:_FACTS_LIMIT]


def _is_quiet(fact: Fact) -> bool:
    return fact.value is False or fact.value == "cleared"
