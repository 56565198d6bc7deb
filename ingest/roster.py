"""Who is registered, as a message names them: a device by its home and its address, or by its address alone."""

from collections.abc import Iterable, Mapping

from carebell.types import DeviceProfile, HomeProfile
from devices.binding import Binding
from devices.dialect import DeviceRecord
from devices.listener import Registered
from devices.registry_conflicts import plain_address


class Roster:
    """Profiles of homes with the look-ups of `devices.listener.Devices`; `put` the newer one in place of the older."""

    def __init__(self, homes: Iterable[HomeProfile] = ()) -> None:
        self._homes: dict[str, HomeProfile] = {}
        self._of_home: dict[tuple[str, str], Registered] = {}
        self._anywhere: dict[tuple[str, str], Registered] = {}
        for home in homes:
            self.put(home)

    @property
    def homes(self) -> Mapping[str, HomeProfile]:
        return self._homes

    def put(self, home: HomeProfile) -> None:
        """Know a home as it is now."""
        for device in self._devices(self._homes.get(home.home_id)):
            for name in _names(device):
                self._of_home.pop((home.home_id, name), None)
            there = self._anywhere.get(_claimed(device))
            if there is not None and there.home_id == home.home_id:
                del self._anywhere[_claimed(device)]
        self._homes[home.home_id] = home
        for device in self._devices(home):
            registered = _registered(home, device)
            for name in _names(device):
                self._of_home[home.home_id, name] = registered
            self._anywhere[_claimed(device)] = registered

    def _devices(self, home: HomeProfile | None) -> tuple[DeviceProfile, ...]:
        return () if home is None or home.removed else home.devices

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        """By its address, or by its device_id; without a home, by the address that only one of all homes has."""
        name = plain_address(address)
        return self._of_home.get((home_id, name)) if home_id else self._anywhere.get((dialect, name))

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        """The gateway of a home: the one that is registered with that dialect, or the only one."""
        home = self._homes.get(home_id)
        gateways = [device for device in self._devices(home) if device.is_gateway]
        of_dialect = [device for device in gateways if device.dialect == dialect] or gateways
        return _registered(home, of_dialect[0]) if home is not None and len(of_dialect) == 1 else None


def _names(device: DeviceProfile) -> set[str]:
    return {plain_address(name) for name in (device.address, device.device_id) if name}


def _claimed(device: DeviceProfile) -> tuple[str, str]:
    """What no other home may have, see `Home.claims`."""
    return device.dialect, plain_address(device.address or device.device_id)


def _registered(home: HomeProfile, device: DeviceProfile) -> Registered:
    return Registered(
        home_id=home.home_id,
        device_id=device.device_id,
        place=device.place,
        record=DeviceRecord(vendor=device.vendor, model=device.model, description=device.description),
        is_sos=device.is_sos,
        bindings=tuple(Binding(one.gesture, one.kind, one.channel, one.heard) for one in device.bindings),
    )
