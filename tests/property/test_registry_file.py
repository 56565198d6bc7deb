"""What is written reads back equal, and no bytes make more than BadInput of a file."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from carebell.errors import BadInput
from carebell.types import BindingProfile, Kind
from devices.binding import GESTURES_OF
from devices.ecosystems import BY_NAME
from devices.registry import Contact, Device, Home, Resident, Role, Service
from devices.registry_file import read_homes, write_homes

SUFFIXES = [".yaml", ".csv"]
AWKWARD = ["=1+1", "'=1+1", "''=1", "'", "+86", "-1", "@x", "\t=1", "\n", " a ", "a\n\n b", "no", "Null", "~", "0012",
           "2024-01-01", "1e3", "12:30:00", "a: b", "- a", "#x", '"', "a,b;c", "\u2028", "a\u2028 b", "\ufeff", "😀", "*a",
           "＝1", "{", "<<", "!!x", "\xa0", "\ufffe", "y"]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(st.one_of(st.characters(exclude_categories=["Cs", "Cc"]), st.sampled_from("\n\t=+-@' ")), max_size=30),
)
NAME = TEXT.filter(lambda text: bool(text.strip()))
ID = st.one_of(
    st.from_regex(r"[A-Za-z0-9_.:=@'一-龥-]{1,20}", fullmatch=True),
    st.sampled_from(["no", "null", "0012", "1e3", "true", "~", "=a", "'=a", "-", "<<"]),
).filter(lambda text: text not in (".", ".."))
PHONE = st.from_regex(r"\+?[0-9]{3,12}", fullmatch=True).filter(str.isascii)
LANGUAGE = st.sampled_from(["zh-CN", "en", "no", "yue-Hant-HK"])
INTERVAL = st.none() | st.integers(1000, 31_622_400_000).map(lambda count: timedelta(milliseconds=count))

DAY = st.dates(date(1990, 1, 1), date(2199, 12, 31))
HOURS = st.sampled_from(["08:00-22:00", "22:00-06:00", "00:00-24:00"])


def several(strategy: st.SearchStrategy, key: str) -> st.SearchStrategy:
    return st.lists(strategy, max_size=3, unique_by=lambda one: getattr(one, key)).map(tuple)


RESIDENT = st.builds(
    Resident, resident_id=ID, name=NAME, birth_year=st.none() | st.integers(1880, 2100), language=LANGUAGE,
    ability_level=st.none() | st.integers(0, 4), notes=TEXT, consent=st.booleans(), conditions=TEXT, medication=TEXT,
    consent_by=TEXT, consent_on=st.none() | DAY,
)  # fmt: skip
CONTACT = st.builds(
    Contact, contact_id=ID, name=NAME, relation=TEXT, role=st.sampled_from(Role), language=LANGUAGE,
    phones=st.lists(PHONE, max_size=3).map(tuple), email=st.sampled_from(["", "=a@example.org"]),
    webhook=st.sampled_from(["", "https://example.org/a?b=c"]), order=st.integers(0, 9999),
    languages=st.lists(LANGUAGE, max_size=2).map(tuple), hours=st.lists(HOURS, max_size=2).map(tuple),
    has_key=st.booleans(),
)  # fmt: skip
SERVICE = st.builds(
    Service, service_id=ID, role=st.sampled_from(Role), name=NAME, phones=st.lists(PHONE, max_size=2).map(tuple)
)
# A word of a device: text without blanks around it.
SAID = TEXT.map(str.strip)
BINDING = st.builds(
    BindingProfile, gesture=SAID, kind=st.sampled_from([kind.value for kind in Kind]),
    channel=st.none() | SAID.filter(bool), heard=st.none() | st.sampled_from(sorted(GESTURES_OF)),
)  # fmt: skip
BINDINGS = st.lists(BINDING, max_size=3, unique_by=lambda one: (one.gesture.casefold(), one.channel, one.heard)).map(
    tuple
)


@st.composite
def devices(draw: st.DrawFn) -> tuple[Device, ...]:
    ids = draw(st.lists(ID, max_size=4, unique=True))
    gateways = ids[:1]
    return tuple(
        Device(
            device_id=one,
            vendor=draw(TEXT),
            model=draw(TEXT),
            description=draw(TEXT),
            dialect=draw(st.sampled_from(["", *BY_NAME])),
            address=draw(st.sampled_from(["", f" address of {index}", f"={index}=no"])),
            confirms=draw(st.sampled_from(["", "siren", "lamp"])),
            bindings=draw(BINDINGS),
            installed_on=draw(st.none() | DAY),
            battery_changes=draw(st.lists(DAY, max_size=3).map(tuple)),
            due_back_on=draw(st.none() | DAY),
            returned_on=None if one in gateways else draw(st.none() | DAY),
            place=draw(TEXT),
            is_gateway=one in gateways,
            is_sos=draw(st.booleans()),
            gateway_id="" if one in gateways else draw(st.sampled_from(["", *gateways])),
            expected_every=draw(INTERVAL),
        )
        for index, one in enumerate(ids)
    )


WORD = TEXT.filter(lambda text: not set(text) & set("\n\t"))
SCALAR = st.one_of(
    WORD, st.booleans(), st.integers(-(10**14), 10**14), st.floats(-1e14, 1e14),
    st.sampled_from(["4h", "true", "False", "12", "1.5", "1e3", "1.0e-7", "yes", "null", "", "-", "[", "@"]),
)  # fmt: skip
VALUE = st.one_of(
    SCALAR, st.lists(SCALAR, max_size=3), st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), SCALAR)
)
PARAMETER = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True) | st.sampled_from(["on", "no", "true", "null", "y"])
SETTINGS = st.dictionaries(PARAMETER, st.dictionaries(PARAMETER, VALUE, min_size=1, max_size=3), max_size=3)
HOME = st.builds(
    Home, home_id=ID, label=TEXT, address=TEXT, notes=TEXT, keys=TEXT, key_safe=TEXT,
    services=several(SERVICE, "service_id"),
    timezone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "UTC"]),
    residents=several(RESIDENT, "resident_id"), contacts=several(CONTACT, "contact_id"), devices=devices(),
    settings=SETTINGS,
)  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(homes=several(HOME, "home_id"))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(homes=())
def test_what_is_written_reads_back_equal(suffix: str, homes: tuple[Home, ...]) -> None:
    written = write_homes(homes, suffix)
    assert read_homes(written.encode(), f"homes{suffix}") == homes
    windows = b"\xef\xbb\xbf" + written.replace("\n", "\r\n").encode()
    assert read_homes(windows, f"homes{suffix}") == homes


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(text=TEXT)
@settings(max_examples=300, deadline=None)
def test_any_text_reads_back_equal(suffix: str, text: str) -> None:
    homes = (Home(home_id="h", notes=text),)
    assert read_homes(write_homes(homes, suffix).encode(), f"homes{suffix}") == homes


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(value=VALUE)
@settings(max_examples=300, deadline=None)
def test_any_setting_reads_back_as_what_it_was(suffix: str, value: object) -> None:
    homes = (Home(home_id="h", settings={"bed": {"cap": value}}),)  # type: ignore[dict-item]
    [home] = read_homes(write_homes(homes, suffix).encode(), f"homes{suffix}")
    assert repr(home.settings) == repr(homes[0].settings)


@given(text=TEXT)
@settings(deadline=None)
def test_no_cell_begins_a_formula(text: str) -> None:
    formula: Any = {"bed": {"cap": "=1+1", "low": -1}}
    written = write_homes([Home(home_id="=h", label=text, notes=text, keys="+1", settings=formula)], ".csv")
    for row in csv.reader(io.StringIO(written, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


PIECE = st.sampled_from(
    ["homes:", "\n", "  ", "- ", "home_id: ", "a", "devices:", "device_id: ", "[", "]", "{", "}", "&a ", "*a", '"',
     "'", ",", "\t", "!!map ", "---\n", "record,home_id\n", "home,", "device,", "phones: ",
     "settings: ", "setting,", "bed: ", "null", "|\n", "? ", ": ", "bindings: ", "binding,", "kind: ", "lent_on: ", "hours: "]
)  # fmt: skip


def problems_of(data: bytes, name: str) -> tuple[str, ...]:
    try:
        read_homes(data, name)
    except BadInput as refusal:
        return refusal.problems or ("nothing was said",)
    return ()


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.binary(max_size=80) | st.lists(PIECE, max_size=40).map(lambda parts: "".join(parts).encode()))
@settings(max_examples=500, deadline=None)
def test_any_bytes_give_homes_or_bad_input_with_lines(suffix: str, data: bytes) -> None:
    last = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
    for problem in problems_of(data, f"homes{suffix}"):
        name, line, sentence = problem.split(":", 2)
        assert name == f"homes{suffix}"
        assert 1 <= int(line) <= last
        assert sentence.strip()
