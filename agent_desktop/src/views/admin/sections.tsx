// The forms: which fields each part has. Words and hints are in words/admin.*.ts under admin.<form>.<field>.

import { request } from "../../api";
import { t } from "../../i18n";
import type { NewPassword, NewUser } from "../../protocol";
import { inLanguage, type Choice, type Field } from "./Fields";
import { bodyOf, calendars, failed, load, parts, secret, type Draft, type Item, type Part } from "./model";
import { roleWord, type Section } from "./Parts";

const ROLES = ["agent", "leader", "inspector", "admin", "back_office"];

function titled(item: Item): string {
  return inLanguage((item["title"] as { zh?: string; en?: string } | undefined) ?? {});
}

function coded(item: Item): string {
  return inLanguage({ zh: String(item["zh"] ?? ""), en: String(item["en"] ?? "") });
}

const queueChoices = (): Choice[] => parts("queues").map(({ item }) => ({ value: String(item["name"]), label: titled(item) }));
const skillChoices = (): Choice[] => parts("skills").map(({ item }) => ({ value: String(item["code"]), label: coded(item) }));
const agentChoices = (): Choice[] => parts("agents").map(({ item }) => ({ value: String(item["agent_id"]), label: `${String(item["agent_id"])} ${String(item["name"])}` }));
const hoursChoices = (): Choice[] => Object.keys(calendars.value?.calendars ?? {}).map((name) => ({ value: name, label: name }));
const roleChoices = (): Choice[] => ROLES.map((role) => ({ value: role, label: roleWord(role) }));
const noAgents = (): Choice[] => ["wait", "refuse", "overflow"].map((value) => ({ value, label: t(`admin.no_agents.${value}` as "admin.no_agents.wait") }));

const numbers = (...names: string[]): Field[] => names.map((name) => ({ name, kind: "number" }));
const switches = (...names: string[]): Field[] => names.map((name) => ({ name, kind: "bool" }));

const QUEUE_FIELDS: Field[] = [
  { name: "name", kind: "key" },
  { name: "title.zh", kind: "text" },
  { name: "title.en", kind: "text" },
  { name: "code", kind: "text" },
  ...numbers("priority"),
  { name: "calendar", kind: "optional", choices: hoursChoices },
  ...numbers("ring_seconds", "wrap_up_seconds"),
  ...switches("wrap_up_until_done", "disposition_required"),
  ...numbers("preferred_seconds"),
  { name: "relaxations", kind: "relaxations" },
  ...numbers("agent_backoff_seconds", "pair_backoff_seconds", "overflow_after_seconds", "overflow_length"),
  { name: "overflow_to", kind: "optional", choices: queueChoices },
  ...numbers("max_wait_seconds", "max_length"),
  { name: "no_agents", kind: "choice", choices: noAgents },
  ...numbers("callback_after_seconds", "announce_first_seconds", "announce_every_seconds"),
  ...switches("announce_position", "announce_estimate"),
  { name: "music_class", kind: "text" },
  ...numbers("threshold_seconds", "short_seconds"),
];

const QUEUE_BLANK: Item = {
  name: "", title: { zh: "", en: "" }, code: "", priority: 0, calendar: null, ring_seconds: 20, wrap_up_seconds: 30, wrap_up_until_done: false,
  disposition_required: false, preferred_seconds: 15, relaxations: [], agent_backoff_seconds: 5, pair_backoff_seconds: 15, overflow_after_seconds: 0,
  overflow_length: 0, overflow_to: null, max_wait_seconds: 0, max_length: 0, no_agents: "wait", callback_after_seconds: 0, announce_first_seconds: 10,
  announce_every_seconds: 30, announce_position: true, announce_estimate: true, music_class: "default", threshold_seconds: 20, short_seconds: 5,
};

const CODE_FIELDS: Field[] = [{ name: "code", kind: "key" }, { name: "zh", kind: "text" }, { name: "en", kind: "text" }, ...numbers("position")];
const CODE_BLANK: Item = { code: "", zh: "", en: "", position: 0 };

export const SECTIONS = {
  queues: { plural: "queues", form: "queue", key: "name", blank: QUEUE_BLANK, fields: QUEUE_FIELDS, label: titled, removable: true },
  agents: {
    plural: "agents",
    form: "agent",
    key: "agent_id",
    blank: { agent_id: "", name: "", endpoint: "", queues: {}, skills: {}, certified: true, suspended: false },
    fields: [
      { name: "agent_id", kind: "key" },
      { name: "name", kind: "text" },
      { name: "endpoint", kind: "text" },
      { name: "queues", kind: "levels", choices: queueChoices },
      { name: "skills", kind: "levels", choices: skillChoices },
      ...switches("certified", "suspended"),
    ],
    label: (item) => String(item["name"]),
    removable: true,
  },
  skills: { plural: "skills", form: "code", key: "code", blank: CODE_BLANK, fields: CODE_FIELDS, label: coded, removable: true },
  pause_codes: { plural: "pause_codes", form: "code", key: "code", blank: CODE_BLANK, fields: CODE_FIELDS, label: coded, removable: true },
  dispositions: {
    plural: "dispositions",
    form: "code",
    key: "code",
    blank: { ...CODE_BLANK, group_zh: "", group_en: "", queues: [] },
    fields: [...CODE_FIELDS, { name: "group_zh", kind: "text" }, { name: "group_en", kind: "text" }, { name: "queues", kind: "set", choices: queueChoices }],
    label: coded,
    removable: true,
  },
  users: {
    plural: "users",
    form: "user",
    key: "login",
    blank: { login: "", name: "", role: "agent", agent_id: null, active: true },
    fields: [
      { name: "login", kind: "key" },
      { name: "name", kind: "text" },
      { name: "role", kind: "choice", choices: roleChoices },
      { name: "agent_id", kind: "optional", choices: agentChoices },
      ...switches("active"),
    ],
    label: (item) => `${String(item["name"])} · ${roleWord(String(item["role"]))}${item["active"] === false ? ` · ${t("admin.inactive")}` : ""}`,
    removable: false,
    create: createUser,
    more: (item) => <button type="button" onClick={() => void resetPassword(String(item["login"]))} data-test="reset-password">{t("admin.reset_password")}</button>,
  },
} satisfies Record<string, Section>;

async function createUser(draft: Draft): Promise<Part> {
  const made = await request<NewUser>("POST", "/admin/new-users", { item: draft.item, seen: null });
  secret.value = { login: made.item.login, password: made.password };
  return { item: { ...made.item }, seen: made.seen };
}

async function resetPassword(login: string): Promise<void> {
  if (!confirm(t("admin.sure_password"))) return;
  try {
    const made = await request<NewPassword>("POST", `/admin/users/${encodeURIComponent(login)}/password`, {});
    secret.value = { login, password: made.password };
    await load();
  } catch (error) {
    failed.value = bodyOf(error);
  }
}
