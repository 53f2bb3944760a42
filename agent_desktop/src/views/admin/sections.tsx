// The forms: which fields each part has. Words and hints are in words/admin.*.ts under admin.<form>.<field>.

import { request } from "../../api";
import { inLanguage, t, word } from "../../i18n";
import type { NewPassword, NewUser } from "../../protocol";
import { sure } from "./Ask";
import type { Choice, Field } from "./Fields";
import { AgentPhones, hasNoPhone, QueueOnSwitch } from "./OnSwitch";
import { bodyOf, calendars, failed, load, parts, secret, setup, type Draft, type Item, type Part } from "./model";
import { roleWord, type Group, type Section } from "./Parts";

const ROLES = ["agent", "leader", "inspector", "admin", "back_office"];

function titled(item: Item): string {
  return inLanguage((item["title"] as { zh?: string; en?: string } | undefined) ?? {});
}

function coded(item: Item): string {
  return inLanguage({ zh: String(item["zh"] ?? ""), en: String(item["en"] ?? "") });
}

export const queueChoices = (): Choice[] => parts("queues").map(({ item }) => ({ value: String(item["name"]), label: titled(item) }));
const skillChoices = (): Choice[] => parts("skills").map(({ item }) => ({ value: String(item["code"]), label: coded(item) }));
const agentChoices = (): Choice[] => parts("agents").map(({ item }) => ({ value: String(item["agent_id"]), label: `${String(item["agent_id"])} ${String(item["name"])}` }));
const hoursChoices = (): Choice[] => Object.keys(calendars.value?.calendars ?? {}).map((name) => ({ value: name, label: name }));
const roleChoices = (): Choice[] => ROLES.map((role) => ({ value: role, label: roleWord(role) }));
const noAgents = (): Choice[] => ["wait", "refuse", "overflow"].map((value) => ({ value, label: t(`admin.no_agents.${value}` as "admin.no_agents.wait") }));

const numbers = (...names: string[]): Field[] => names.map((name) => ({ name, kind: "number" }));
const switches = (...names: string[]): Field[] => names.map((name) => ({ name, kind: "bool" }));

const QUEUE_GROUPS: Group[] = [
  {
    name: "basics",
    fields: [
      { name: "title.zh", kind: "text" },
      { name: "title.en", kind: "text" },
      { name: "name", kind: "key" },
      { name: "code", kind: "text" },
      { name: "calendar", kind: "optional", choices: hoursChoices },
      ...numbers("priority"),
    ],
  },
  { name: "answering", fields: [...numbers("ring_seconds", "preferred_seconds", "agent_backoff_seconds", "pair_backoff_seconds"), { name: "relaxations", kind: "relaxations" }] },
  { name: "after_call", fields: [...numbers("wrap_up_seconds"), ...switches("wrap_up_until_done", "disposition_required")] },
  {
    name: "overflow",
    fields: [
      ...numbers("overflow_after_seconds", "overflow_length"),
      { name: "overflow_to", kind: "optional", choices: queueChoices },
      { name: "no_agents", kind: "choice", choices: noAgents },
      ...numbers("max_wait_seconds", "max_length", "callback_after_seconds"),
    ],
  },
  {
    name: "waiting",
    fields: [...numbers("announce_first_seconds", "announce_every_seconds"), ...switches("announce_position", "announce_estimate"), { name: "music_class", kind: "text" }],
  },
  { name: "figures", fields: numbers("threshold_seconds", "short_seconds") },
];

const QUEUE_BLANK: Item = {
  name: "", title: { zh: "", en: "" }, code: "", priority: 0, calendar: null, ring_seconds: 20, wrap_up_seconds: 30, wrap_up_until_done: false,
  disposition_required: false, preferred_seconds: 15, relaxations: [], agent_backoff_seconds: 5, pair_backoff_seconds: 15, overflow_after_seconds: 0,
  overflow_length: 0, overflow_to: null, max_wait_seconds: 0, max_length: 0, no_agents: "wait", callback_after_seconds: 0, announce_first_seconds: 10,
  announce_every_seconds: 30, announce_position: true, announce_estimate: true, music_class: "default", threshold_seconds: 20, short_seconds: 5,
};

const CODE_FIELDS: Field[] = [{ name: "code", kind: "key" }, { name: "zh", kind: "text" }, { name: "en", kind: "text" }, ...numbers("position")];
const CODE_BLANK: Item = { code: "", zh: "", en: "", position: 0 };

function servedBy(name: string): string {
  return `${parts("agents").filter(({ item }) => name in (item["queues"] as Item)).length} ${t("admin.agents_serve")}`;
}

function queueNames(item: Item): string {
  const names = Object.keys(item["queues"] as Item);
  return parts("queues").filter((one) => names.includes(String(one.item["name"]))).map((one) => titled(one.item)).join(" · ");
}

export const SECTIONS = {
  queues: {
    plural: "queues",
    form: "queue",
    key: "name",
    blank: QUEUE_BLANK,
    groups: QUEUE_GROUPS,
    label: titled,
    about: (item) => [servedBy(String(item["name"])), item["code"], item["calendar"]].filter(Boolean).join(" · "),
    removable: true,
    note: (item) => (item["name"] === setup.value?.fallback_queue ? t("admin.is_fallback") : ""),
    extra: (item) => <QueueOnSwitch name={String(item["name"])} />,
  },
  agents: {
    plural: "agents",
    form: "agent",
    key: "agent_id",
    blank: { agent_id: "", name: "", endpoint: "", queues: {}, skills: {}, certified: true, suspended: false },
    groups: [
      { name: "basics", fields: [{ name: "agent_id", kind: "key" }, { name: "name", kind: "text" }, { name: "endpoint", kind: "text" }] },
      { name: "serves", fields: [{ name: "queues", kind: "levels", choices: queueChoices }, { name: "skills", kind: "levels", choices: skillChoices }] },
      { name: "may", fields: switches("certified", "suspended") },
    ],
    label: (item) => String(item["name"]),
    about: queueNames,
    mark: (item) => (hasNoPhone(String(item["agent_id"])) ? t("admin.no_phone") : ""),
    extra: (item) => <AgentPhones key={String(item["agent_id"])} agentId={String(item["agent_id"])} />,
    isOff: (item) => item["suspended"] === true || item["certified"] === false,
    removable: true,
  },
  skills: { plural: "skills", form: "code", key: "code", blank: CODE_BLANK, groups: [{ name: "basics", fields: CODE_FIELDS }], label: coded, about: skilled, removable: true },
  pause_codes: { plural: "pause_codes", form: "code", key: "code", blank: CODE_BLANK, groups: [{ name: "basics", fields: CODE_FIELDS }], label: coded, about: () => "", removable: true },
  dispositions: {
    plural: "dispositions",
    form: "code",
    key: "code",
    blank: { ...CODE_BLANK, group_zh: "", group_en: "", queues: [] },
    groups: [{ name: "basics", fields: [...CODE_FIELDS, { name: "group_zh", kind: "text" }, { name: "group_en", kind: "text" }, { name: "queues", kind: "set", choices: queueChoices }] }],
    label: coded,
    about: (item) => queueChoices().filter((one) => (item["queues"] as string[]).includes(one.value)).map((one) => one.label).join(" · ") || t("admin.every_queue"),
    removable: true,
  },
  outside_numbers: {
    plural: "outside_numbers",
    form: "outside",
    key: "number",
    blank: { number: "", name: "", group: "", position: 0 },
    groups: [{ name: "basics", fields: [{ name: "number", kind: "key" }, { name: "name", kind: "text" }, { name: "group", kind: "text" }, ...numbers("position")] }],
    label: (item) => String(item["name"]),
    about: (item) => String(item["group"]),
    removable: true,
  },
  users: {
    plural: "users",
    form: "user",
    key: "login",
    blank: { login: "", name: "", role: "agent", agent_id: null, active: true },
    groups: [
      { name: "basics", fields: [{ name: "login", kind: "key" }, { name: "name", kind: "text" }] },
      {
        name: "may",
        fields: [
          { name: "role", kind: "choice", choices: roleChoices, explain: (role) => word("admin.role_may", role) },
          { name: "agent_id", kind: "optional", choices: agentChoices },
          ...switches("active"),
        ],
      },
    ],
    label: (item) => String(item["name"]),
    about: (item) => [roleWord(String(item["role"])), item["active"] === false ? t("admin.inactive") : "", isLocked(item) ? t("admin.locked") : ""].filter(Boolean).join(" · "),
    isOff: (item) => item["active"] === false,
    removable: false,
    create: createUser,
    note: (item) => (isLocked(item) ? t("admin.locked_hint") : ""),
    more: (item) => (
      <>
        {isLocked(item) && <button type="button" onClick={() => void unlock(String(item["login"]))} data-test="unlock">{t("admin.unlock")}</button>}
        <button type="button" onClick={() => void resetPassword(String(item["login"]))} data-test="reset-password">{t("admin.reset_password")}</button>
      </>
    ),
  },
} satisfies Record<string, Section>;

function skilled(item: Item): string {
  return `${parts("agents").filter((one) => String(item["code"]) in (one.item["skills"] as Item)).length} ${t("admin.agents_have")}`;
}

function isLocked(item: Item): boolean {
  return setup.value?.locked.includes(String(item["login"])) ?? false;
}

async function unlock(login: string): Promise<void> {
  try {
    await request("POST", `/admin/users/${encodeURIComponent(login)}/unlock`, {});
    await load();
  } catch (error) {
    failed.value = bodyOf(error);
  }
}

async function createUser(draft: Draft): Promise<Part> {
  const made = await request<NewUser>("POST", "/admin/new-users", { item: draft.item, seen: null });
  secret.value = { login: made.item.login, password: made.password };
  return { item: { ...made.item }, seen: made.seen };
}

async function resetPassword(login: string): Promise<void> {
  if (!(await sure("admin.sure_password", "admin.reset_password"))) return;
  try {
    const made = await request<NewPassword>("POST", `/admin/users/${encodeURIComponent(login)}/password`, {});
    secret.value = { login, password: made.password };
    await load();
  } catch (error) {
    failed.value = bodyOf(error);
  }
}
