"""What a case says of itself on its time line: every sentence in both languages, so that none can be written in one only."""

from datetime import timedelta
from typing import NamedTuple

from devices.confirm import Stage


class Said(NamedTuple):
    """A sentence in English and in Chinese."""

    en: str
    zh: str


def in_their_words(text: str) -> Said:
    """What a person or a far end wrote, left as it is."""
    return Said(text, text)


_TIERS = {
    "desk": "值班台",
    "family": "家属",
    "neighbour": "邻居",
    "provider": "服务商",
    "health_centre": "卫生服务中心",
    "everybody": "所有人",
}
_SEVERITIES = {"critical": "危急", "high": "高", "low": "低", "info": "提示"}
_POLICIES = {"call_for_help": "呼救", "hazard": "险情", "fault": "故障", "notice": "提示", "note": "留意"}

A_TEST = Said("a test: nobody is called", "测试：不通知任何人。")
TEST_HEARD = Said("a test: the call was heard", "测试：呼叫已收到。")
NOBODY_REACHED = Said("nobody of the last tier could be reached", "上一级人员均无法联系。")
NOBODY_ANSWERED = Said("nobody has answered: from the beginning", "无人应答：从头开始通知。")
ALL_TOLD = Said("everybody was told already: from the beginning", "所有人都已通知过：从头开始通知。")
CALLED_AGAIN_LATE = Said("called again long after it was accepted", "受理很久之后再次呼叫。")
CALLED_AGAIN_UNTOLD = Said("called again, and who accepted cannot be told", "再次呼叫，而受理人无法通知。")
CALLED_AGAIN_UNREACHED = Said("called again, and who accepted cannot be reached", "再次呼叫，而受理人联系不上。")
NOT_CANCELLED = Said("the pre-alarm has passed and nobody has cancelled it", "预警时间已过，无人取消。")
CANCELLED_UNCALLED = Said("cancelled before anybody was called", "尚未通知任何人，住户已取消。")
NO_DEVICE_SHOWS = Said("nothing in this home can show that somebody is coming", "家中没有可提示老人的设备。")

# How far a signal to a device of the home has come; that the broker has taken it is said by the delivery.
STAGES = {
    Stage.REQUESTED: Said("the device is to be told", "已请求提示老人。"),
    Stage.SCHEDULED: Said("on its way to the device", "网络已安排发送。"),
    Stage.REFUSED: Said(
        "the device did not take it: the home may not have heard", "设备未接受提示，老人可能没有听到。"
    ),
    Stage.CONFIRMED: Said("the device has confirmed it", "设备已确认收到提示。"),
}


def policy_begins(name: str, version: str) -> Said:
    return Said(f"policy {name}, version {version}", f"按预案“{_POLICIES.get(name, name)}”（版本 {version}）处理。")


def tier_told(step: str, after: timedelta, round: int) -> Said:
    seconds = f"{after.total_seconds():g}"
    return Said(
        f"{step} is told {seconds} s after round {round} began",
        f"第 {round} 轮开始 {seconds} 秒后，通知{_tier(step)}。",
    )


def nobody_in(step: str) -> Said:
    return Said(f"{step}: nobody to tell", f"{_tier(step)}：没有可通知的人。")


def left_for_later(hours: str, told_after: timedelta | None) -> Said:
    """Of a person. `told_after`: how long until they are told all the same; None for the next round."""
    if told_after is None:
        when, when_zh = "in the next round", "下一轮"
    else:
        seconds = f"{told_after.total_seconds():g}"
        when, when_zh = f"after {seconds} s", f"{seconds} 秒后"
    return Said(
        f"left for later: outside the hours {hours}; told {when} if nobody has answered",
        f"留待稍后通知：现在不在 {hours} 时段内；如无人应答，{when_zh}通知。",
    )


def later_is_now(step: str) -> Said:
    return Said(
        f"{step}: those left for later are told now, whatever the hour",
        f"{_tier(step)}：此前留待稍后通知的人，现在不分时段通知。",
    )


def now_worse(severity: str, policy: str) -> Said:
    return Said(
        f"now {severity}: {policy} begins",
        f"级别变为{_SEVERITIES.get(severity, severity)}：开始执行预案“{_POLICIES.get(policy, policy)}”。",
    )


def not_closed(accepted_by: str) -> Said:
    return Said(f"accepted by {accepted_by} and not closed", f"已由{accepted_by}受理，尚未结案。")


def called_unless_cancelled(left_s: int) -> Said:
    return Said(
        f"a suspicion: people are called in {left_s} s, unless it is cancelled or somebody answers",
        f"疑似情况：{left_s} 秒后通知相关人员，除非被取消或有人应答。",
    )


def not_proven(device_id: str, after: timedelta) -> Said:
    seconds = f"{after.total_seconds():g}"
    return Said(
        f"the home may not have heard: no proof from {device_id} after {seconds} s",
        f"老人可能没有听到：{seconds} 秒内未收到设备确认。",
    )


def _tier(step: str) -> str:
    return _TIERS.get(step, step)
