"""The invented people who call the demo. CALLERS are told to users, with their PINs; PEOPLE are whoever else calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cti_server.domain.accounts import account_number
from cti_server.domain.customers import Account, Customer, Holding
from cti_server.domain.ids import CustomerId, uuid7


@dataclass(frozen=True, slots=True)
class Caller:
    """`number` as the demo dials from it."""

    number: str
    customer: Customer
    account: Account | None = None
    pin: str | None = None


def customer_id(number: int) -> CustomerId:
    return CustomerId(uuid7(1_750_000_000_000_000, bytes([*b"customer", 0, number])))


CALLERS = (
    Caller(
        "13900000001",
        Customer(
            customer_id=customer_id(1),
            name="陈先生",
            company="星河文具店",
            tier="vip",
            address="滨河路18号2单元301室",
            language="zh",
            phones=("+8613900000001",),
            holdings=(Holding(account="10000018"),),
        ),
        Account(number="10000018", address="滨河路18号2单元301室", balance_fen=12_850),
        "246810",
    ),
    Caller(
        "13900000002",
        Customer(
            customer_id=customer_id(2),
            name="李女士",
            tier="ordinary",
            address="望湖小区7栋1102室",
            language="zh",
            phones=("+8613900000002",),
            holdings=(Holding(account="10000026"),),
        ),
        Account(number="10000026", address="望湖小区7栋1102室", balance_fen=-5_620),
        "135790",
    ),
    Caller(
        "13900000003",
        Customer(
            customer_id=customer_id(3),
            name="王奶奶",
            tier="ordinary",
            flags=("elderly",),
            address="柳荫街5号院2号楼101室",
            language="zh",
            phones=("+8613900000003",),
        ),
    ),
)


def _person(place: int, name: str, address: str, balance_fen: int, *, tier: str = "ordinary", **more: Any) -> Caller:
    number, account = f"139000000{place}", account_number(1_000_000 + place)
    customer = Customer(
        customer_id=customer_id(place),
        name=name,
        tier=tier,
        address=address,
        phones=(f"+86{number}",),
        holdings=(Holding(account=account),),
        **{"language": "zh", **more},
    )
    return Caller(number, customer, Account(number=account, address=address, balance_fen=balance_fen))


PEOPLE = (
    _person(11, "赵先生", "梧桐里3号楼502室", 4_300),
    _person(12, "孙女士", "江北路88号", -23_480, company="蓝桥餐饮", convenient_time="下午两点以后"),
    _person(13, "周阿姨", "东风巷12号1楼", 1_950, flags=("hearing",), notes="听力不便，请说慢一些"),
    _person(14, "吴先生", "学府花园15栋703室", 8_800),
    _person(15, "郑女士", "长亭街41号", -1_275),
    _person(16, "钱经理", "工业二路6号", 356_200, company="云帆印刷厂", tier="vip"),
    _person(17, "Ms Taylor", "国际公寓B座1906室", 12_000, language="en"),
    _person(18, "冯女士", "月湖小区2栋201室", 640),
)
