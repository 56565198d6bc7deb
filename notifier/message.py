"""What a person reads when told of a case: short, in their language, with what to do."""

from dataclasses import dataclass, field

from pydantic import JsonValue

from notifier.case_value import Case, Purpose
from notifier.casebook import DeliveryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one person on one channel. `key` is the same at every attempt: the far end can drop the second."""

    key: str
    to: str
    subject: str
    text: str
    data: dict[str, JsonValue] = field(default_factory=dict)


_EN = {
    Purpose.CALL: ("Call for help: {where}", "{what} Nobody has answered yet. Please answer at the desk: {link}"),
    Purpose.AGAIN: ("Called again: {where}", "{what} You accepted this case; the home has called again. {link}"),
    Purpose.REMINDER: ("How does it stand? {where}", "{what} Accepted by {who} and not closed yet. {link}"),
    Purpose.COMING: ("Someone is coming", "{who} is coming."),
}
_ZH = {
    Purpose.CALL: ("呼救：{where}", "{what}尚无人应答，请在值班台应答：{link}"),
    Purpose.AGAIN: ("再次呼救：{where}", "{what}该事件已由您受理，老人再次呼叫。{link}"),
    Purpose.REMINDER: ("请更新进展：{where}", "{what}已由{who}受理，尚未结案。{link}"),
    Purpose.COMING: ("有人正在赶来", "{who}正在赶来。"),
}


def compose(case: Case, delivery: DeliveryRow, desk_url: str) -> Outgoing:
    """The message of a delivery."""
    is_chinese = delivery.language.casefold().startswith("zh")
    subject, text = (_ZH if is_chinese else _EN)[delivery.purpose]
    words = {
        "where": " · ".join(part for part in (case.label or case.home_id, case.address) if part),
        "what": case.summary_zh if is_chinese else case.summary,
        "who": case.accepted_by,
        "link": f"{desk_url}/#case/{case.id}",
    }
    return Outgoing(
        key=delivery.id,
        to=delivery.to,
        # one line, whatever people wrote into a label or an address
        subject=" ".join(subject.format(**words).split()),
        text=text.format(**words),
        data={
            "delivery_id": delivery.id,
            "case_id": case.id,
            "home_id": case.home_id,
            "step": delivery.step,
            "round": delivery.round,
            "purpose": delivery.purpose.value,
            "person_id": delivery.person_id,
            "role": delivery.role,
            "severity": case.severity.value,
            "summary": case.summary,
            "summary_zh": case.summary_zh,
            "opened_at": case.opened_at.isoformat(),
            "who": case.accepted_by,
            "source_id": delivery.source_id,
        },
    )
