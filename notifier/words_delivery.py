"""How an attempt to tell somebody ended, in Chinese: what channels say in English, for whoever does not read it."""

import re

_TRIES = re.compile(r"(?P<reason>.*); given up after (?P<count>\d+) attempts", re.DOTALL)
# Our own sentences. What a far end adds in words of its own is left as it is.
_SENTENCES = tuple(
    (re.compile(sentence, re.DOTALL), chinese)
    for sentence, chinese in (
        (r"accepted by the broker", "消息服务器已接收"),
        (r"written", "已写出"),
        (r"accepted with (\d+)", "对方已接收（{}）"),
        (r"accepted: (.*)", "邮件服务器已接收：{}"),
        (r"accepted by (.*)", "已由{}受理"),
        (r"answered (\d+)", "对方答复 {}"),
        (r"server answered (\d+)", "邮件服务器答复 {}"),
        (r"no answer: (.*)", "没有答复：{}"),
        (r"not an address: (.*)", "地址无效：{}"),
        (r"recipient refused", "收件人被拒绝"),
        (r"the endpoint is gone for good", "接收地址已停用"),
        (r"the console takes nothing", "控制台没有响应"),
        (r"the console cannot be written: (.*)", "控制台无法写入：{}"),
        (r"no channel (.*) is set up", "未设置渠道 {}"),
        (r"the channel broke: (.*)", "渠道出错：{}"),
        (r"not connected to the MQTT broker", "与消息服务器失去连接"),
        (r"the MQTT broker did not acknowledge in time", "消息服务器未及时确认"),
        (
            r"nothing has been heard of (.*) yet, so that the way to it is not known",
            "尚未收到 {} 的任何消息，无法向它发送",
        ),
        (r"(.*) cannot show this", "{} 无法提示"),
        (r"the pre-alarm is over", "预警已结束"),
        (r"nobody is coming any more", "已无人前往"),
        (r"the case is closed", "呼叫已关闭"),
        (r"it was given back", "受理已退回"),
    )
)


def in_chinese(detail: str) -> str:
    """The same in Chinese; what is not a sentence of ours stays as it is."""
    if given_up := _TRIES.fullmatch(detail):
        return f"{in_chinese(given_up['reason'])}；尝试 {given_up['count']} 次后放弃"
    for sentence, chinese in _SENTENCES:
        if found := sentence.fullmatch(detail):
            return chinese.format(*found.groups())
    return detail
