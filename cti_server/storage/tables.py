"""Every table. Times are micros UTC, money whole fen (1/100 yuan), ids text; lists and nested settings are JSON.

timeline         facts, calls, visits             written by the journal only
customers        customers, phones, accounts, holdings
tickets          tickets, ticket_notes, numbers
after calls      call_notes
set-up           queues, agents, skills, pause_codes, dispositions, outside_numbers, flow_versions, settings
people           users, sessions, audit
servers          leases
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Json = JSON().with_variant(JSONB(), "postgresql")


# ---- timeline: no lengths, because a fact is never refused for being long -------------------------------------

RARE_KINDS = ("AlarmRaised", "AlarmCleared", "AlarmAcknowledged", "ListenStarted", "ListenModeChanged", "ListenEnded")
"""Kinds that are looked for without a call or an agent. Another list is another index: a migration."""
RARE = "kind IN ({})".format(", ".join(f"'{kind}'" for kind in RARE_KINDS))

facts = Table(
    "facts",
    metadata,
    Column("server", String(), primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("call_id", String()),
    Column("agent_id", String()),
    Column("data", Json, nullable=False),
    Index(None, "id"),
    Index(None, "call_id", "id"),
    Index(None, "agent_id", "at"),
    Index(
        "ix_facts_rare",
        "id",
        sqlite_where=text(RARE),
        postgresql_where=text(RARE),
    ),
)

calls = Table(
    "calls",
    metadata,
    Column("call_id", String(), primary_key=True),
    Column("folded", Integer, nullable=False),
    Column("direction", String(), nullable=False),
    Column("caller", String(), nullable=False),
    Column("did", String(), nullable=False),
    Column("customer_id", String()),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("agent_id", String()),
    Column("unknown_end", Boolean, nullable=False),
    Column("record", Json, nullable=False),
    Index(None, "started"),
    Index(None, "caller", "started"),
    Index(None, "customer_id", "started"),
    Index(None, "agent_id", "started"),
    Index(None, "ended"),
)

visits = Table(
    "visits",
    metadata,
    Column("visit_id", String(), primary_key=True),
    Column("call_id", String(), ForeignKey("calls.call_id", ondelete="CASCADE"), nullable=False),
    Column("queue", String(), nullable=False),
    Column("entered_at", BigInteger),
    Column("started", BigInteger),
    Column("answered_at", BigInteger),
    Column("ended", BigInteger),
    Column("outcome", String()),
    Column("agent_id", String()),
    Column("wait", BigInteger),
    Column("ring", BigInteger, nullable=False),
    Column("talk", BigInteger, nullable=False),
    Column("hold", BigInteger, nullable=False),
    Index(None, "call_id"),
    Index(None, "queue", "started"),
    Index(None, "agent_id", "started"),
)

# ---- customers -------------------------------------------------------------------------------------------------

customers = Table(
    "customers",
    metadata,
    Column("customer_id", String(64), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("company", String(128), nullable=False, default=""),
    Column("tier", String(32), nullable=False, default="ordinary"),
    Column("flags", Json, nullable=False),
    Column("address", String(256), nullable=False, default=""),
    Column("language", String(8), nullable=False, default=""),
    Column("email", String(128), nullable=False, default=""),
    Column("convenient_time", String(64), nullable=False, default=""),
    Column("notes", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index(None, "name"),
)

phones = Table(
    "phones",
    metadata,
    Column("number", String(32), primary_key=True),
    Column("customer_id", String(64), ForeignKey("customers.customer_id", ondelete="CASCADE"), primary_key=True),
    Index(None, "customer_id"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("status", String(16), nullable=False, default="open"),
    Column("address", String(256), nullable=False, default=""),
    Column("balance_fen", BigInteger, nullable=False, default=0),
    Column("due_date", String(10)),
    Column("pin_hash", String(128), nullable=False, default=""),
    Column("failed_tries", Integer, nullable=False, default=0),
    Column("locked_until", BigInteger, nullable=False, default=0),
)

holdings = Table(
    "holdings",
    metadata,
    Column("customer_id", String(64), ForeignKey("customers.customer_id", ondelete="CASCADE"), primary_key=True),
    Column("account", String(16), ForeignKey("accounts.number", ondelete="CASCADE"), primary_key=True),
    Column("relation", String(32), nullable=False, default="holder"),
    Index(None, "account"),
)

# ---- tickets ---------------------------------------------------------------------------------------------------

tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", String(64), primary_key=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(32), nullable=False),
    Column("idempotency", String(160), nullable=False, unique=True),
    Column("call_id", String(64)),
    Column("customer_id", String(64), ForeignKey("customers.customer_id", ondelete="SET NULL")),
    Column("account", String(16)),
    Column("summary", String(256), nullable=False, default=""),
    Column("fields", Json, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("changed_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Index(None, "customer_id", "opened_at"),
    Index(None, "account"),
    Index(None, "kind", "state"),
    Index(None, "call_id"),
)

ticket_notes = Table(
    "ticket_notes",
    metadata,
    Column("note_id", String(64), primary_key=True),
    Column("ticket_id", String(64), ForeignKey("tickets.ticket_id", ondelete="CASCADE"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("what", String(32), nullable=False),
    Column("text", Text, nullable=False, default=""),
    Index(None, "ticket_id", "at"),
)

numbers = Table(
    "numbers",
    metadata,
    Column("series", String(32), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# ---- after calls -----------------------------------------------------------------------------------------------

call_notes = Table(
    "call_notes",
    metadata,
    Column("call_id", String(64), primary_key=True),
    Column("agent_id", String(64), primary_key=True),
    Column("text", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
    Index(None, "agent_id", "saved_at"),
)

# ---- set-up ----------------------------------------------------------------------------------------------------

queues = Table(
    "queues",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("position", Integer, nullable=False, default=0),
    Column("settings", Json, nullable=False),
)

agents = Table(
    "agents",
    metadata,
    Column("agent_id", String(64), primary_key=True),
    Column("settings", Json, nullable=False),
)

pause_codes = Table(
    "pause_codes",
    metadata,
    Column("code", String(32), primary_key=True),
    Column("position", Integer, nullable=False, default=0),
    Column("zh", String(64), nullable=False),
    Column("en", String(64), nullable=False),
)

dispositions = Table(
    "dispositions",
    metadata,
    Column("code", String(32), primary_key=True),
    Column("position", Integer, nullable=False, default=0),
    Column("zh", String(64), nullable=False),
    Column("en", String(64), nullable=False),
    Column("queues", Json, nullable=False),
    Column("group_zh", String(64), nullable=False, default=""),
    Column("group_en", String(64), nullable=False, default=""),
)

outside_numbers = Table(
    "outside_numbers",
    metadata,
    Column("number", String(20), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("group", String(64), nullable=False, default=""),
    Column("position", Integer, nullable=False, default=0),
)

skills = Table(
    "skills",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("position", Integer, nullable=False, default=0),
    Column("zh", String(64), nullable=False),
    Column("en", String(64), nullable=False),
)

flow_versions = Table(
    "flow_versions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("file", String(64), nullable=False),
    Column("digest", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("login", String(64), nullable=False),
    Column("note", String(256), nullable=False, default=""),
    Column("text", Text, nullable=False),
    Index(None, "file", "id"),
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Json, nullable=False),
)

announcements = Table(
    "announcements",
    metadata,
    Column("announcement_id", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("audience", String(8), nullable=False),
    Column("name", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "at"),
)

announcement_readers = Table(
    "announcement_readers",
    metadata,
    Column(
        "announcement_id",
        String(64),
        ForeignKey("announcements.announcement_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("agent_id", String(64), primary_key=True),
    Column("read_at", BigInteger),
    Index(None, "agent_id", "read_at"),
)

# ---- people ----------------------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("login", String(64), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("password_hash", String(256), nullable=False),
    Column("agent_id", String(64)),
    Column("active", Boolean, nullable=False, default=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("login", String(64), ForeignKey("users.login", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "login"),
    Index(None, "expires_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("login", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(160), nullable=False, default=""),
    Column("address", String(64), nullable=False, default=""),
    Column("before", Json),
    Column("after", Json),
    Index(None, "at"),
    Index(None, "login", "at"),
    Index(None, "action", "at"),
)

# ---- servers ---------------------------------------------------------------------------------------------------

leases = Table(
    "leases",
    metadata,
    Column("name", String(160), primary_key=True),
    Column("holder", String(160), nullable=False),
    Column("node", String(64), nullable=False),
    Column("renewed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
