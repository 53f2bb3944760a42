"""Lookups: where IVR flows get facts from. Our own customer file, other systems over HTTP, Python hooks.

Every adapter stands behind a guard (guard.py): a time limit a try, tries again for queries that change nothing, a circuit
breaker and a cache. Whatever goes wrong reaches the flow as LookupUnavailable, which it answers with words or a person.
"""

from cti_server.services.lookups.customers import AccountFile, CustomerFile, CustomerLookup
from cti_server.services.lookups.guard import Guard, Policy
from cti_server.services.lookups.hook import HookLookup
from cti_server.services.lookups.http import HttpLookup, HttpQuery
from cti_server.services.lookups.notices import NoticeFile
from cti_server.services.lookups.registry import Lookups

__all__ = [
    "AccountFile",
    "CustomerFile",
    "CustomerLookup",
    "Guard",
    "HookLookup",
    "HttpLookup",
    "HttpQuery",
    "Lookups",
    "NoticeFile",
    "Policy",
]
