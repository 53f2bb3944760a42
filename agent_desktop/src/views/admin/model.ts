// What the administrator's page knows. Drafts outlive a change of section, a reload, an expired session and every refusal:
// nothing typed is lost.

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import { request } from "../../api";
import { CommandError } from "../../live";
import type { Calendars, ErrorBody, SetupParts, SwitchSetup } from "../../protocol";
import { session } from "../../state";
import { wrongByField } from "../../wrong";
import { keep, kept, keptKeys } from "../work/kept";
import { askUser } from "./Ask";

export type Item = Record<string, unknown>;
export interface Part {
  item: Item;
  seen: string;
}
export type Plural = "queues" | "agents" | "skills" | "pause_codes" | "dispositions" | "outside_numbers" | "users";
export interface Theirs {
  part: Part;
  by: string;
  at: number | null;
}

/** A part being edited. `base` is what it was begun from, `seen` null = it is new. `theirs` is set when another administrator
 * was quicker. */
export interface Draft {
  item: Item;
  base: Item;
  seen: string | null;
  fields: Record<string, string>;
  trouble: ErrorBody | null;
  theirs: Theirs | null;
  saved: boolean;
}

export const setup = signal<SetupParts | null>(null);
export const calendars = signal<Calendars | null>(null);
/** What of it Asterisk has; null = not known. */
export const onSwitch = signal<SwitchSetup | null>(null);
export const drafts = signal<ReadonlyMap<string, Draft>>(new Map());
export const failed = signal<ErrorBody | null>(null);
/** A password just made: shown once. */
export const secret = signal<{ login: string; password: string } | null>(null);
/** What is open and not saved: how to throw it away. */
export const dirty = signal<{ key: string; discard: () => void } | null>(null);

const KEPT = "admin.draft.";

export async function load(): Promise<void> {
  try {
    [setup.value, calendars.value] = await Promise.all([
      request<SetupParts>("GET", "/admin/setup"),
      request<Calendars>("GET", "/admin/calendars"),
    ]);
    failed.value = null;
  } catch (error) {
    failed.value = bodyOf(error);
  }
  onSwitch.value = await request<SwitchSetup>("GET", "/admin/switch").catch(() => null);
}

/** What this login left unsaved in this tab. */
export function restoreDrafts(): void {
  const found = keptKeys(KEPT).map((key) => [key.slice(KEPT.length), kept<Draft>(key)] as const);
  drafts.value = new Map(found.filter((pair): pair is readonly [string, Draft] => pair[1] !== null));
}

/** Nothing of one administrator is left for the next; what he typed is kept under his login (work/kept.ts). */
effect(() => {
  if (session.value !== null) return;
  untracked(() => batch(() => {
    for (const one of [setup, calendars, onSwitch, failed, secret, dirty]) one.value = null;
    drafts.value = new Map();
  }));
});

export function parts(plural: Plural): Part[] {
  return (setup.value?.[plural] ?? []) as unknown as Part[];
}

export function bodyOf(error: unknown): ErrorBody {
  return error instanceof CommandError ? error.body : { code: "internal", message: String(error), details: {} };
}

export function setDraft(key: string, draft: Draft | null): void {
  const next = new Map(drafts.value);
  if (draft === null) next.delete(key);
  else next.set(key, draft);
  drafts.value = next;
  keep(KEPT + key, draft?.saved ? null : draft);
}

export function draftOf(part: Part | null, blank: Item): Draft {
  const item = structuredClone(part?.item ?? blank);
  return { item, base: structuredClone(item), seen: part?.seen ?? null, fields: {}, trouble: null, theirs: null, saved: false };
}

export const unsaved = (key: string): boolean => drafts.value.get(key)?.saved === false;
export const anyUnsaved = computed(() => [...drafts.value.values()].some((draft) => !draft.saved));

/** True when one may go on to something else: nothing is unsaved, or the user said what becomes of it. */
export async function mayLeave(): Promise<boolean> {
  const open = dirty.value;
  if (open === null) return true;
  const wish = await askUser("admin.leave", ["admin.leave.keep", "admin.leave.discard", "admin.leave.stay"]);
  if (wish === "admin.leave.discard") open.discard();
  if (wish !== "admin.leave.keep" && wish !== "admin.leave.discard") return false;
  dirty.value = null;
  return true;
}

effect(() => {
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  if (dirty.value === null) return undefined;
  addEventListener("beforeunload", ask);
  return () => removeEventListener("beforeunload", ask);
});

/** Sends a draft; what is refused stays as it was typed, with the reason at its field. */
export async function save(key: string, draft: Draft, send: (draft: Draft) => Promise<Part>): Promise<void> {
  try {
    const part = await send(draft);
    await load();
    setDraft(key, { ...draftOf(part, {}), saved: true });
  } catch (error) {
    setDraft(key, refused(draft, bodyOf(error)));
  }
}

export function refused(draft: Draft, trouble: ErrorBody): Draft {
  const details = trouble.details as { reason?: string; now?: Part | null; by?: string; at?: number | null };
  const theirs = trouble.code === "conflict" && details.reason === "changed" && details.now?.item ? { part: details.now, by: details.by ?? "", at: details.at ?? null } : null;
  return { ...draft, fields: wrongByField(trouble), trouble, theirs, saved: false };
}

export function sendPart(plural: Plural, draft: Draft): Promise<Part> {
  return request<Part>("POST", `/admin/${plural}`, { item: draft.item, seen: draft.seen });
}

export async function remove(plural: Plural, key: string, draft: Draft): Promise<boolean> {
  const name = `${plural}/${key}`;
  try {
    await request("DELETE", `/admin/${plural}/${encodeURIComponent(key)}?seen=${encodeURIComponent(draft.seen ?? "")}`);
    setDraft(name, null);
    await load();
    return true;
  } catch (error) {
    setDraft(name, refused(draft, bodyOf(error)));
    return false;
  }
}

// ---- fields by path -----------------------------------------------------------------------------------------------

/** `title.zh` of an item. */
export function valueAt(item: Item, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => (value as Item | undefined)?.[name], item);
}

/** undefined takes the field away. */
export function withValue(item: Item, path: string, value: unknown): Item {
  const [name = "", ...rest] = path.split(".");
  const inner = rest.length > 0 ? withValue((item[name] as Item | undefined) ?? {}, rest.join("."), value) : value;
  const { [name]: _, ...others } = item;
  return inner === undefined ? others : { ...item, [name]: inner };
}

export const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Paths at which two items differ; tables (levels, titles, days) are compared row by row. */
export function differing(one: Item, other: Item): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((name) => {
    const [a, b] = [one[name], other[name]];
    if (same(a, b)) return [];
    return isTable(a) && isTable(b) ? differing(a, b).map((inner) => `${name}.${inner}`) : [name];
  });
}

function isTable(value: unknown): value is Item {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
