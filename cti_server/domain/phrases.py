"""What the system itself says to callers: waiting, transfers, callbacks, apologies. Chinese and English, with slots.

A slot `{name:kind}` is read aloud (aloud.KINDS). The texts between slots are recorded ahead like those of the flows.
"""

from __future__ import annotations

from collections.abc import Mapping

from cti_server.domain.aloud import Pieces, aloud
from cti_server.domain.flows.slots import Slot, parts
from cti_server.errors import InvalidValue

PHRASES: Mapping[str, Mapping[str, str]] = {
    "apology_to_person": {
        "zh": "非常抱歉，系统暂时无法为您播报，现在为您转接人工服务。",
        "en": "We are sorry, something went wrong on our side. We are connecting you to a person now.",
    },
    "apology_goodbye": {
        "zh": "非常抱歉，我们暂时无法为您服务，请您稍后再来电。再见。",
        "en": "We are sorry, we cannot serve you at the moment. Please call again later. Goodbye.",
    },
    "please_wait": {"zh": "请稍候。", "en": "Please wait."},
    "one_moment": {"zh": "正在为您查询，请稍候。", "en": "One moment please, we are looking that up."},
    "queue_position": {
        "zh": "座席正忙，您目前排在{position:position}。",
        "en": "All our agents are busy. You are {position:position} in the queue.",
    },
    "queue_next": {"zh": "您是下一位，请不要挂机。", "en": "You are next in the queue. Please hold the line."},
    "queue_estimate": {
        "zh": "预计等待时间{minutes:duration}。",
        "en": "The estimated waiting time is {minutes:duration}.",
    },
    "queue_thanks": {"zh": "感谢您的耐心等待。", "en": "Thank you for waiting."},
    "callback_offer": {
        "zh": "如果您不想等待，请按1，我们会按您现在的排队顺序给您回电。继续等待请不要按键。",
        "en": "If you would rather not wait, press 1 and we will call you back. You keep your place in the queue."
        " To go on waiting, do nothing.",
    },
    "callback_number_confirm": {
        "zh": "我们将拨打{number:digits}给您回电。确认请按1，更换号码请按2。",
        "en": "We will call you back on {number:digits}. To confirm, press 1. To give another number, press 2.",
    },
    "callback_enter_number": {
        "zh": "请输入您的回电号码，按井号键结束。",
        "en": "Please enter the number we should call, then press hash.",
    },
    "number_refused": {
        "zh": "非常抱歉，我们无法拨打这个号码。",
        "en": "We are sorry, we cannot call that number.",
    },
    "callback_confirmed": {
        "zh": "已为您登记回电，轮到您时我们会尽快与您联系。感谢您的来电，再见。",
        "en": "Your callback is booked. We will call you when it is your turn. Thank you for calling. Goodbye.",
    },
    "callback_failed": {
        "zh": "非常抱歉，回电暂时无法登记，请您继续等待。",
        "en": "We are sorry, the callback could not be booked. Please stay on the line.",
    },
    "callback_greeting": {
        "zh": "您好，这里是客户服务中心，您之前预约了回电。接听请按1。",
        "en": "Hello, this is the customer service centre with the callback you asked for. To speak to an agent, press 1.",
    },
    "queue_full": {
        "zh": "非常抱歉，目前排队人数较多，无法继续接入。",
        "en": "We are sorry, too many callers are waiting at the moment.",
    },
    "queue_closed": {
        "zh": "非常抱歉，现在不在人工服务时间内。",
        "en": "We are sorry, our agents are not on duty at this time.",
    },
    "no_agents": {
        "zh": "非常抱歉，目前没有座席在线。",
        "en": "We are sorry, no agent is available at the moment.",
    },
    "survey_ask": {
        "zh": "请对本次服务作出评价。满意请按1，一般请按2，不满意请按3。",
        "en": "How was our service? Press 1 for satisfied, 2 for fair, 3 for not satisfied.",
    },
    "survey_thanks": {"zh": "感谢您的评价。", "en": "Thank you for your answer."},
    "goodbye": {"zh": "感谢您的来电，再见。", "en": "Thank you for calling. Goodbye."},
    "agent_number": {"zh": "工号{agent:digits}为您服务。", "en": "Agent {agent:digits} is at your service."},
    "transferring": {"zh": "正在为您转接，请稍候。", "en": "We are transferring your call. Please hold the line."},
    "nobody_answered": {
        "zh": "暂时无人接听，请您继续等待。",
        "en": "Nobody has answered yet. Please stay on the line.",
    },
    "invalid_key": {"zh": "您的输入有误，请重新输入。", "en": "That is not a valid choice. Please try again."},
    "leave_message": {
        "zh": "请在提示音后留言，按井号键结束。",
        "en": "Please leave your message after the tone, then press hash.",
    },
}

ESSENTIAL = (
    "apology_to_person",
    "apology_goodbye",
    "please_wait",
    "one_moment",
    "queue_next",
    "queue_thanks",
    "queue_full",
    "queue_closed",
    "no_agents",
    "goodbye",
    "transferring",
    "nobody_answered",
    "invalid_key",
)
"""Phrases without slots that any call may need; the way out when other speech fails, so they must always be playable."""


def phrase(name: str, language: str, **values: object) -> Pieces:
    """The pieces of a phrase. Raises InvalidValue for an unknown phrase or language, and a missing or wrong value."""
    pieces: list[str] = []
    for part in parts(template(name, language)):
        if isinstance(part, Slot):
            pieces += aloud(part.kind, _value(name, part, values), language)
        else:
            pieces.append(part)
    return tuple(pieces)


def _value(name: str, slot: Slot, values: Mapping[str, object]) -> object:
    if slot.path not in values:
        raise InvalidValue(f"phrase {name!r} needs a value for {slot.path}")
    return values[slot.path]


def template(name: str, language: str) -> str:
    """The phrase with its slots. Raises InvalidValue when there is none."""
    try:
        return PHRASES[name][language]
    except KeyError:
        raise InvalidValue(f"no phrase {name!r} in {language!r}") from None


def phrase_texts(language: str) -> frozenset[str]:
    """Every static piece of every phrase; these are recorded ahead."""
    return frozenset(part for texts in PHRASES.values() for part in parts(texts[language]) if isinstance(part, str))


def essential_texts(language: str) -> frozenset[str]:
    """What a server must be able to play before it takes calls."""
    return frozenset(part for name in ESSENTIAL for part in phrase(name, language))
