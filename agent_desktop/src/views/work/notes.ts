// Notes saved as they are typed. One keeper a call; it outlives the view, so that a note is sent even when its call is gone
// from the screen.
//
// States: saved ⇄ unsaved → saving → saved | waiting (server away: tried again) | too_long (not sent until shortened)
//         | refused (the server will never take it: kept until copied or discarded, tried again only when typed in)
// Nothing is lost: what is not at the server stands in kept.ts; when another window was first, both texts are joined.

import { effect, signal } from "@preact/signals";
import { request } from "../../api";
import { CommandError } from "../../live";
import type { NoteSaved } from "../../protocol";
import { endedSession, isLive } from "../../state";
import { keep, kept, keptKeys } from "./kept";

export const NOTE_LIMIT = 10_000;
const AFTER_KEY_MS = 600;
const AT_LEAST_MS = 3_000;
const AGAIN_MS = 5_000;

export type NoteState = "saved" | "unsaved" | "saving" | "waiting" | "too_long" | "refused";

const STUCK: NoteState[] = ["too_long", "refused"];
const FINAL = ["forbidden", "not_found", "invalid_value", "bad_request", "conflict"];

/** Those that will not be saved unless the agent does something. */
export const refused = signal<readonly NoteKeeper[]>([]);

function tellRefused(): void {
  refused.value = [...keepers.values()].filter((keeper) => STUCK.includes(keeper.state.peek()));
}

interface Draft {
  text: string;
  base: string;
  version: number;
}

/** As the server counts: code points, not UTF-16 units. */
export function length(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Joins two changes of one text so that no word of either is lost. */
export function merge(base: string, mine: string, theirs: string): string {
  if (theirs === base || mine === theirs || mine.includes(theirs)) return mine;
  if (mine === base || theirs.includes(mine)) return theirs;
  if (base !== "" && mine.startsWith(base)) return theirs + mine.slice(base.length);
  return `${theirs}\n${mine}`;
}

/** What a note cannot hold: control characters but tab and line end, and halves of characters. */
function clean(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(/[\x00-\x08\x0b-\x1f\x7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "");
}

export class NoteKeeper {
  readonly text = signal("");
  readonly state = signal<NoteState>("saved");
  private base = "";
  private version = 0;
  private sending: Promise<void> | null = null;
  private lastSent: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private unsavedSince = 0;

  constructor(readonly callId: string) {
    const draft = kept<Draft>(this.key);
    if (draft === null) return;
    [this.base, this.version] = [draft.base, draft.version];
    this.put(draft.text, 0);
  }

  private get key(): string {
    return `note.${this.callId}`;
  }

  /** What stands at the server. */
  take(note: NoteSaved): void {
    if (note.version < this.version || this.sending !== null) return;
    const mine = note.text === this.lastSent ? this.text.value : merge(this.base, this.text.value, note.text);
    [this.base, this.version] = [note.text, note.version];
    this.put(mine, 0);
  }

  type(text: string): void {
    this.put(clean(text), AFTER_KEY_MS);
  }

  private put(text: string, afterMs: number): void {
    this.text.value = text;
    if (text === this.base) return this.settle();
    keep(this.key, { text, base: this.base, version: this.version } satisfies Draft);
    if (length(text) > NOTE_LIMIT) {
      clearTimeout(this.timer);
      this.state.value = "too_long";
      queueMicrotask(tellRefused);
      return;
    }
    if (this.state.value === "saved") this.unsavedSince = Date.now();
    if (this.state.value !== "saving") this.state.value = "unsaved";
    this.later(Math.max(0, Math.min(afterMs, this.unsavedSince + AT_LEAST_MS - Date.now())));
  }

  private settle(): void {
    clearTimeout(this.timer);
    keep(this.key, null);
    this.state.value = "saved";
    queueMicrotask(tellRefused);
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), ms);
  }

  /** The agent gives up what is not at the server. */
  discard(): void {
    this.text.value = this.base;
    this.settle();
  }

  get dirty(): boolean {
    return this.text.value !== this.base;
  }

  /** Sends what is not saved; resolves when it is, or when it cannot be. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    if (this.sending !== null) await this.sending;
    if (!this.dirty || STUCK.includes(this.state.value)) return;
    this.sending = this.send().finally(() => (this.sending = null));
    await this.sending;
  }

  private async send(): Promise<void> {
    const text = this.text.value;
    this.lastSent = text;
    this.state.value = "saving";
    try {
      const saved = await request<NoteSaved>("POST", `/calls/${encodeURIComponent(this.callId)}/note`, { text, version: this.version });
      [this.base, this.version] = [saved.text, saved.version];
      this.unsavedSince = Date.now();
      this.state.value = "saved";
      this.put(this.text.value, AFTER_KEY_MS);
    } catch (error) {
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    const body = error instanceof CommandError ? error.body : null;
    if (body?.code === "conflict" && typeof body.details["text"] === "string") {
      const theirs = body.details["text"];
      const mine = merge(this.base, this.text.value, theirs);
      [this.base, this.version] = [theirs, Number(body.details["version"])];
      this.put(mine, 0);
      return;
    }
    this.state.value = body !== null && FINAL.includes(body.code) ? "refused" : "waiting";
    tellRefused();
    if (this.state.value === "refused") return;
    if (body?.code === "not_signed_in") endedSession();
    else this.later(AGAIN_MS);
  }

  /** The page goes away: a last try that outlives it. */
  leave(): void {
    if (!this.dirty || STUCK.includes(this.state.value)) return;
    const body = JSON.stringify({ text: this.text.value, version: this.version });
    void fetch(`/api/v1/calls/${encodeURIComponent(this.callId)}/note`, {
      method: "POST", keepalive: true, credentials: "same-origin", headers: { "Content-Type": "application/json" }, body,
    }).catch(() => undefined);
  }
}

const keepers = new Map<string, NoteKeeper>();

export function keeperOf(callId: string): NoteKeeper {
  let keeper = keepers.get(callId);
  if (keeper === undefined) {
    for (const [id, old] of keepers) if (!old.dirty) keepers.delete(id);
    keepers.set(callId, (keeper = new NoteKeeper(callId)));
  }
  return keeper;
}

/** Everything unsent, also of calls no longer on the screen and of the time before a reload. */
export async function flushNotes(): Promise<void> {
  for (const key of keptKeys("note.")) keeperOf(key.slice("note.".length));
  await Promise.all([...keepers.values()].map((keeper) => keeper.flush()));
}

export function unsaved(): boolean {
  return [...keepers.values()].some((keeper) => keeper.dirty);
}

export function forgetNotes(): void {
  keepers.clear();
  tellRefused();
}

effect(() => {
  if (isLive.value) void flushNotes();
});
addEventListener("pagehide", () => keepers.forEach((keeper) => keeper.leave()));
