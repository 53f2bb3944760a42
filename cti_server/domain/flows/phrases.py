"""Standard sentences around what a flow says itself. A flow replaces any of them by name under `phrases`.

`read_back` is given `digits`, `survey_invalid` is given `lowest` and `highest`; the others have no slots.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cti_server.domain.flows.schema import Flow, Text

STANDARD: Mapping[str, Text] = MappingProxyType(
    {
        name: Text({"zh": zh, "en": en})
        for name, zh, en in (
            ("menu_silence", "没有收到您的按键。", "I did not hear a key."),
            ("menu_invalid", "这个按键没有对应的服务。", "That key is not on the menu."),
            (
                "collect_silence",
                "请用电话键盘输入，转人工请按0。",
                "Please use the keys of your phone, or press 0 for an agent.",
            ),
            ("collect_invalid", "输入的号码不正确，请核对后重新输入。", "That number is not right. Please check it."),
            ("collect_too_long", "输入的位数过多，请重新输入。", "That is too many digits. Please try again."),
            (
                "read_back",
                "您输入的是{digits:digits}。正确请按1，重新输入请按2。",
                "You entered {digits:digits}. If that is right, press 1. To enter it again, press 2.",
            ),
            (
                "record_nothing",
                "没有听到您的声音，请在提示音后讲话。",
                "I could not hear you. Please speak after the tone.",
            ),
            (
                "apology",
                "非常抱歉，系统暂时无法完成，现在为您转接人工服务。",
                "I am sorry, the system cannot do that right now. Let me connect you to an agent.",
            ),
            (
                "no_one",
                "非常抱歉，目前没有客服人员可以接听，请您稍后再拨。再见。",
                "I am sorry, no agent can take your call right now. Please call again later. Goodbye.",
            ),
            ("called_back", "好的，我们会尽快回电给您，再见。", "Thank you. We will call you back soon. Goodbye."),
            (
                "survey_invalid",
                "请按{lowest:number}到{highest:number}之间的一个数字键。",
                "Please press a key from {lowest:number} to {highest:number}.",
            ),
        )
    }
)


def phrase(flow: Flow, name: str) -> Text:
    """The flow's own sentence, else the standard one."""
    return flow.phrases.get(name) or STANDARD[name]
