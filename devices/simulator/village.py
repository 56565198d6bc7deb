"""A village of made-up homes: who lives there, whom to call, what is installed. Seeded; nobody in it exists."""

import random

from devices.registry import Contact, Home, Resident, Role
from devices.simulator.outfit import SHARES, outfit

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林罗"
_GIVEN = ("秀英", "桂兰", "玉珍", "淑华", "凤英", "建国", "德明", "国强", "志华", "福生", "金凤", "永福")
_YOUNG = ("伟", "敏", "静", "磊", "洋", "艳", "勇", "娟", "涛", "丽")


def home_id_of(number: int) -> str:
    """`home-001`, `home-002`, …"""
    return f"home-{number:03d}"


def make_village(homes: int, seed: int, *, is_mixed: bool = False) -> tuple[Home, ...]:
    """The homes of a village; the same numbers give the same village. Mixed: each home speaks one of several ecosystems."""
    return tuple(_home(number, seed, is_mixed) for number in range(1, homes + 1))


def _ecosystem(number: int, seed: int) -> str:
    chance = random.Random(f"{seed}/{number}/ecosystem")  # noqa: S311
    return chance.choices(list(SHARES), list(SHARES.values()))[0]


def _home(number: int, seed: int, is_mixed: bool) -> Home:
    chance = random.Random(f"{seed}/{number}")  # noqa: S311
    family = chance.choice(_SURNAMES)
    resident = Resident(
        resident_id="resident-1",
        name=f"{family}{chance.choice(_GIVEN)}",
        birth_year=chance.randint(1934, 1950),
        ability_level=chance.choice((0, 0, 1, 1, 2)),
        consent=True,
    )
    children = tuple(
        Contact(
            contact_id=f"family-{index}",
            name=f"{family}{chance.choice(_YOUNG)}",
            relation=chance.choice(("儿子", "女儿", "侄子")),
            role=Role.FAMILY,
            phones=(f"+86100{number:04d}{index:04d}",),
            language="en",
            order=index,
        )
        for index in range(1, chance.randint(1, 2) + 1)
    )
    return Home(
        home_id=home_id_of(number),
        label=f"示范村 {number} 号 {resident.name}",
        timezone="Asia/Shanghai",
        address=f"示范村 {number} 号",
        keys="备用钥匙在村委会服务站",
        residents=(resident,),
        contacts=children,
        devices=outfit(number, chance, _ecosystem(number, seed) if is_mixed else "native"),
    )
