// What the administrator's page knows. Drafts outlive a change of section and every refusal: nothing typed is lost.

import { signal } from "@preact/signals";
import { request } from "../../api";
import { CommandError } from "../../live";
import type { Calendars, ErrorBody, SetupParts } from "../../protocol";
import { wrongByField } from "../../wrong";

export type Item = Record<string, unknown>;
export interface Part {
  item: Item;
  seen: string;
}
export type Plural = "queues" | "agents" | "skills" | "pause_codes" | "dispositions" | "users";

/** A part being edited. `seen` null = it is new. `theirs` is set when another administrator was quicker. */
export interface Draft {
  item: Item;
  seen: string | null;
  fields: Record<string, string>;
  trouble: ErrorBody | null;
  theirs: { part: Part; by: string; at: number | null } | null;
  saved: boolean;
}

export const setup = signal<SetupParts | null>(null);
export const calendars = signal<Calendars | null>(null);
export const drafts = signal<ReadonlyMap<string, Draft>>(new Map());
export const failed = signal<ErrorBody | null>(null);
/** A password just made: shown once. */
export const secret = signal<{ login: string; password: string } | null>(null);

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
}

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
}

export function draftOf(part: Part | null, blank: Item): Draft {
  return { item: structuredClone(part?.item ?? blank), seen: part?.seen ?? null, fields: {}, trouble: null, theirs: null, saved: false };
}

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
  const theirs = trouble.code === "conflict" && details.reason === "changed" && details.now ? { part: details.now, by: details.by ?? "", at: details.at ?? null } : null;
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

/** `title.zh` of an item. */
export function valueAt(item: Item, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => (value as Item | undefined)?.[name], item);
}

export function withValue(item: Item, path: string, value: unknown): Item {
  const [name = "", ...rest] = path.split(".");
  const inner = rest.length > 0 ? withValue((item[name] as Item | undefined) ?? {}, rest.join("."), value) : value;
  return { ...item, [name]: inner };
}
