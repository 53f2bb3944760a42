// What the page knows. Signals only; the server is the source of all of it.

import { batch, computed, signal } from "@preact/signals";
import { request } from "./api";
import { language, word } from "./i18n";
import { board, forgetBoard, queueTitles, takeBoard, takeRows } from "./rows";
import { clockOffset, CommandError, connection, Live } from "./live";
import type { Commands, ErrorBody, LiveEvent, LiveState, Me, PauseCode, Pop, Session } from "./protocol";

export const session = signal<Session | null>(null);
export const asked = signal(false);
export const me = signal<Me | null>(null);
export { board };
export const pop = signal<Pop | null>(null);
export const popFailed = signal<ErrorBody | null>(null);
export const pauseCodes = signal<PauseCode[]>([]);
export const problem = signal<ErrorBody | null>(null);
export const busy = signal(false);
/** Server time in micros, once a second; it stands still while the connection is away, as everything shown does. */
export const now = signal(Date.now() * 1000);

/** A queue's name in the language of the page. */
export function queueName(name: string): string {
  const title = queueTitles.value.get(name) ?? {};
  return title[language.value === "en" ? "en" : "zh"] || word("queue", name);
}

export const isLive = computed(() => connection.value === "live");

/** For what only the server can do or know: greyed and out of reach while the connection is away. What the page can do alone stays in reach. */
export function onlyLive(name: string): { class: string; inert: boolean } {
  return { class: isLive.value ? name : `${name} stale`, inert: !isLive.value };
}
/** An inspector has a phone too, to listen with; he takes no calls. */
export const takesCalls = computed(() => session.value?.agent_id != null && session.value.role !== "inspector");
export const leads = computed(() => session.value?.role === "leader");
export const watchesAll = computed(() => ["leader", "inspector", "admin"].includes(session.value?.role ?? ""));

/** Who wants to hear of every event. */
export const listeners = new Set<(event: LiveEvent) => void>();
/** What has to be done before one may leave. */
export const beforeSignOut = new Set<() => Promise<void>>();

let live: Live | null = null;
let startWork = false;

setInterval(() => {
  if (isLive.value) now.value = (Date.now() + clockOffset.value) * 1000;
}, 1000);

export async function begin(): Promise<void> {
  try {
    enter(await request<Session>("GET", "/session"));
  } catch (error) {
    if (!(error instanceof CommandError) || error.body.code !== "not_signed_in") report(error);
  }
  asked.value = true;
}

export async function signIn(login: string, password: string): Promise<void> {
  await guarded(async () => {
    const entered = await request<Session>("POST", "/session", { login, password });
    startWork = entered.agent_id !== null && entered.role !== "inspector";
    enter(entered);
  });
}

export async function signOut(): Promise<void> {
  await guarded(async () => {
    await Promise.all([...beforeSignOut].map((work) => work()));
    if (me.value !== null && me.value.intent !== "signed_out") await live?.send("sign_out", {});
    await request("DELETE", "/session");
    leave();
  });
}

export async function wish<Name extends keyof Commands>(name: Name, args: Commands[Name]): Promise<void> {
  await guarded(async () => {
    await live?.send(name, args);
  });
}

async function guarded(action: () => Promise<void>): Promise<void> {
  problem.value = null;
  busy.value = true;
  try {
    await action();
  } catch (error) {
    report(error);
  } finally {
    busy.value = false;
  }
}

export function report(error: unknown): void {
  problem.value =
    error instanceof CommandError ? error.body : { code: "internal", message: String(error), details: {} };
}

function enter(entered: Session): void {
  session.value = entered;
  if (entered.role === "back_office") return;
  void request<PauseCode[]>("GET", "/pause-codes").then((codes) => (pauseCodes.value = codes), report);
  live = new Live({ state: takeState, me: takeMe, rows: takeRows, pop: takePop, popError: takePopError, event: takeEvent });
  live.start();
}

/** Forget everything: the next person at this screen sees nothing of this one. */
function leave(): void {
  live?.stop();
  live = null;
  batch(() => {
    session.value = null;
    me.value = null;
    forgetBoard();
    pop.value = null;
    popFailed.value = null;
  });
}

connection.subscribe((state) => {
  if (state === "signed_out" && session.value !== null) {
    leave();
    problem.value = { code: "session_ended", message: "", details: {} };
  }
});

function takeState(state: LiveState): void {
  batch(() => {
    takeMe(state.me);
    takeBoard(state.board);
    now.value = state.now;
  });
  if (startWork && state.me?.intent === "signed_out") void wish("sign_in", {});
  startWork = false;
}

/** Another call in hand: what is shown of the one before must go at once, the new pop follows. */
function takeMe(next: Me | null): void {
  if (next?.call_id !== me.value?.call_id) {
    pop.value = null;
    popFailed.value = null;
  }
  me.value = next;
}

/** The caller stays on the screen through wrap-up, when there is no talk to ask about any more. */
function takePop(next: Pop | null): void {
  popFailed.value = null;
  if (next !== null || !["internal", "wrap_up"].includes(me.value?.system ?? "")) pop.value = next;
}

function takePopError(error: ErrorBody): void {
  popFailed.value = error;
}

function takeEvent(event: LiveEvent): void {
  for (const listener of listeners) listener(event);
}

/** The server no longer knows our session: sign in again. */
export function endedSession(): void {
  connection.value = "signed_out";
}
