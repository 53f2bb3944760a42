// The agent's work about the call in hand, and his day. The server is the source; what is typed stands in kept.ts until it is there.

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import { request } from "../../api";
import { language } from "../../i18n";
import { CommandError, connection } from "../../live";
import type { CallWork, CodeUse, CustomerCard, DispositionCode, Figures, LiveEvent, Task, WorkedCall } from "../../protocol";
import { beforeSignOut, endedSession, isLive, listeners, me, pop, report, session, takesCalls, wish } from "../../state";
import { forgetForms } from "./forms";
import { forgetKept, keepFor } from "./kept";
import { flushNotes, forgetNotes, keeperOf, unsaved } from "./notes";

export const work = signal<CallWork | null>(null);
export const figures = signal<Figures | null>(null);
export const worked = signal<WorkedCall[]>([]);
/** Own calls of earlier days whose code is missing. */
export const missing = signal<WorkedCall[]>([]);
/** Messages and callbacks to see to. */
export const tasks = signal<Task[]>([]);
export const codes = signal<DispositionCode[]>([]);
/** The customer looked at while no call is in hand. */
export const browsed = signal<CustomerCard | null>(null);
/** Work about a call that is over, opened again from the list. */
export const later = signal<CallWork | null>(null);
/** Who has to sign in again to go on with what he had begun; null = nobody. */
export const interrupted = signal<string | null>(null);
/** The call on the screen: of a consultation that went on, the caller's first one. */
export const callInHand = computed(() => (me.value?.call_id == null ? null : (pop.value?.call_id ?? me.value.call_id)));

const RELIST_MS = 500;
const RELISTED = new Set<LiveEvent["kind"]>([
  "OfferEnded", "CallNotReached", "TalkStarted", "TalkEnded", "WrapUpEnded", "DispositionSet", "CallNoted", "CallerIdentified", "TicketCreated",
]);
/** How often one gave each code in the last days. */
export const uses = signal<ReadonlyMap<string, number>>(new Map());
const MISSING_DAYS = 7;
let relist: ReturnType<typeof setTimeout> | undefined;

/** As `request`; a session that has ended asks to sign in again, and what was typed stays. */
export async function ask<Answer>(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer> {
  try {
    return await request<Answer>(method, path, body);
  } catch (error) {
    if (error instanceof CommandError && error.body.code === "not_signed_in") endedSession();
    throw error;
  }
}

export function ofCall(callId: string, what: string): string {
  return `/calls/${encodeURIComponent(callId)}/${what}`;
}

export async function load(callId: string): Promise<void> {
  const answer = await ask<CallWork>("GET", ofCall(callId, "work"));
  if (callInHand.value !== callId) return;
  work.value = answer;
  keeperOf(callId).take(answer.note);
}

/** What is typed goes first: afterwards the call is gone from the screen. */
export async function endWrapUp(): Promise<void> {
  await flushNotes();
  await wish("end_wrap_up", {});
}

export async function chooseCode(callId: string, code: string): Promise<void> {
  const answer = await ask<CallWork>("POST", ofCall(callId, "disposition"), { code });
  if (callInHand.value === callId) work.value = answer;
  if (later.value?.call_id === callId) later.value = answer;
  missing.value = missing.value.filter((call) => call.call_id !== callId);
}

/** A call of one's own that is over: its note and code, to be completed. */
export async function openLater(callId: string): Promise<void> {
  const answer = await ask<CallWork>("GET", ofCall(callId, "work"));
  keeperOf(callId).take(answer.note);
  later.value = answer;
}

export async function reread(): Promise<void> {
  if (callInHand.value !== null) await load(callInHand.value);
}

export function codeName(code: DispositionCode): string {
  return language.value === "en" ? code.en : code.zh;
}

export function groupName(code: DispositionCode): string {
  return code.group?.[language.value === "en" ? "en" : "zh"] ?? "";
}

/** A code's name with its group; the code itself for one that is no more. */
export function codeWord(code: string): string {
  const known = codes.value.find((one) => one.code === code);
  if (known === undefined) return code;
  return [groupName(known), codeName(known)].filter(Boolean).join(" › ");
}

/** A file was changed: wherever it is shown it is the new one. */
export function shownCustomer(card: CustomerCard): void {
  if (pop.value?.customer?.customer_id === card.customer_id) pop.value = { ...pop.value, customer: card };
  if (browsed.value?.customer_id === card.customer_id) browsed.value = card;
}

/** The caller is this one: shown at once, the server's own pop follows. */
export function identified(callId: string, card: CustomerCard): void {
  if (pop.value?.call_id === callId) pop.value = { ...pop.value, customer: card, candidates: [] };
}

export function listTasks(): void {
  if (!takesCalls.value || !isLive.value) return;
  void ask<Task[]>("GET", "/agents/me/tasks").then((answer) => (tasks.value = answer), quiet);
}

function listUses(): void {
  void ask<CodeUse[]>("GET", "/agents/me/codes_used").then((answer) => (uses.value = new Map(answer.map((one) => [one.code, one.times]))), quiet);
}

function listMissing(): void {
  void ask<WorkedCall[]>("GET", `/agents/me/worked?days=${MISSING_DAYS}&missing=true&limit=500`).then((answer) => (missing.value = answer), quiet);
}

export function list(): void {
  clearTimeout(relist);
  relist = setTimeout(() => {
    if (!takesCalls.value || !isLive.value) return;
    void ask<Figures>("GET", "/agents/me/figures").then((answer) => (figures.value = answer), quiet);
    void ask<WorkedCall[]>("GET", "/agents/me/worked").then((answer) => (worked.value = answer), quiet);
  }, RELIST_MS);
}

/** An answer that is late or fails while the connection is away is no news: it is asked again when it is back. */
export function quiet(error: unknown): void {
  if (isLive.value) report(error);
}

// ---- what moves all this ---------------------------------------------------------------------------------------------------

/** Somebody else signs in: nothing of the one before stays. */
export function giveUp(): void {
  forgetKept();
  forgetNotes();
  batch(() => {
    forgetForms();
    interrupted.value = null;
  });
}

let last: string | null = null;
effect(() => {
  const login = session.value?.login ?? null;
  if (login === last) return;
  untracked(() => {
    if (login === null) interrupted.value = connection.value === "signed_out" ? last : null;
    else {
      if (interrupted.value !== null && interrupted.value !== login) giveUp();
      interrupted.value = null;
      keepFor(login);
    }
    if (login === null) batch(() => ([work.value, figures.value, worked.value, missing.value, tasks.value, browsed.value, later.value] = [null, null, [], [], [], null, null]));
  });
  last = login;
});

effect(() => {
  const [callId, live] = [callInHand.value, isLive.value];
  untracked(() => {
    if (work.value?.call_id !== callId) work.value = null;
    if (callId !== null && live) void load(callId).catch(quiet);
  });
});

effect(() => {
  if (!isLive.value || !takesCalls.value) return;
  list();
  listTasks();
  listMissing();
  listUses();
  void ask<DispositionCode[]>("GET", "/dispositions").then((answer) => (codes.value = answer), quiet);
});

/** Who leads hears of everybody's calls; his own lists follow his own. */
function ofAnother(event: LiveEvent): boolean {
  return "agent_id" in event.data && event.data.agent_id !== session.value?.agent_id;
}

listeners.add((event) => {
  if (ofAnother(event)) return;
  if (RELISTED.has(event.kind)) list();
  if (event.kind === "WrapUpEnded") listUses();
  const shown = work.value;
  if (shown === null) return;
  if (event.kind === "WrapUpExtended") work.value = { ...shown, extended: true };
  if (event.kind === "DispositionSet" && event.data.call_id === shown.call_id) work.value = { ...shown, disposition: event.data.code };
  if (event.kind === "CallNoted" && event.data.call_id === shown.call_id && event.data.version !== shown.note.version) void load(shown.call_id).catch(quiet);
});

addEventListener("focus", () => {
  if (isLive.value && callInHand.value !== null) void load(callInHand.value).catch(quiet);
});

beforeSignOut.add(async () => {
  await flushNotes();
  if (unsaved()) throw new CommandError({ code: "note_unsaved", message: "a note is not saved", details: {} });
  giveUp();
});
