// A leader's view of the board: what is sorted, filtered and chosen, what he listens to, alarms and announcements.

import { computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import { request } from "../../api";
import { word } from "../../i18n";
import { connection } from "../../live";
import type { Announcement, LiveEvent, Listening, Me, SentAnnouncement, Thresholds } from "../../protocol";
import { agents, boardCalls, queues } from "../../rows";
import { isLive, leads, listeners, queueName, report, session, watchesAll, wish } from "../../state";
import { phone } from "../phone/desk";

export const FORMULAS = ["SL1", "SL2", "SL3", "SL4", "SL5", "SL6"] as const;
const FORMULA = "cti.service_level";
export const formula = signal(FORMULAS.find((one) => one === localStorage.getItem(FORMULA)) ?? "SL2");
effect(() => localStorage.setItem(FORMULA, formula.value));

export type AgentSort = "name" | "state" | "since";
export type State = "ready" | "talking" | "wrap_up" | "paused" | "trouble";
export const STATES: State[] = ["ready", "talking", "wrap_up", "paused", "trouble"];
export const sort = signal<{ by: AgentSort; down: boolean }>({ by: "name", down: false });
export const filter = signal<{ text: string; queue: string; state: State | "" }>({ text: "", queue: "", state: "" });
export const chosen = signal<string | null>(null);

export function stateOf(agent: Me): State {
  if (agent.system === "talking" || agent.system === "offered") return "talking";
  if (agent.system === "wrap_up") return "wrap_up";
  if (agent.intent !== "ready") return "paused";
  return agent.system === "available" ? "ready" : "trouble";
}

/** The list stays the same object while its keys do, so that nothing is drawn again for a row that only changed. */
export function steady(keys: () => string[]): ReadonlySignal<readonly string[]> {
  let last: readonly string[] = [];
  return computed(() => {
    const next = keys();
    if (next.length !== last.length || next.some((key, place) => key !== last[place])) last = next;
    return last;
  });
}

const ORDER: Record<AgentSort, (one: Me, other: Me) => number> = {
  name: () => 0,
  state: (one, other) => STATES.indexOf(stateOf(one)) - STATES.indexOf(stateOf(other)) || one.since - other.since,
  since: (one, other) => one.since - other.since,
};

function wanted(agent: Me): boolean {
  const { text, queue, state } = filter.value;
  const named = `${agent.name} ${agent.agent_id}`.toLowerCase().includes(text.trim().toLowerCase());
  return named && (queue === "" || agent.queues.includes(queue)) && (state === "" || stateOf(agent) === state);
}

export const shownAgents = steady(() => {
  const { by, down } = sort.value;
  const found = agents.all().filter(wanted);
  found.sort((one, other) => ORDER[by](one, other) || one.agent_id.localeCompare(other.agent_id));
  return (down ? found.reverse() : found).map((agent) => agent.agent_id);
});

const STAGES = ["waiting", "ringing", "held", "talking", "survey", "menu", "ended"];
/** Who waits comes first, and who waits longest is on top. */
export const shownCalls = steady(() =>
  boardCalls
    .all()
    .sort((one, other) => STAGES.indexOf(one.stage) - STAGES.indexOf(other.stage) || one.since - other.since)
    .map((call) => call.call_id),
);

export const freeAgents = computed(() => agents.all().filter((agent) => stateOf(agent) === "ready"));
export const raised = computed(() => queues.all().flatMap((queue) => queue.alarms.map((alarm) => ({ queue: queue.name, alarm }))));

// ---- listening ---------------------------------------------------------------------------------------------------

export const listening = signal<Listening | null>(null);

export async function listen(agent: string, mode: Listening["mode"]): Promise<void> {
  await wish("listen", { agent_id: agent, mode });
  await askListening();
}

export async function stopListening(): Promise<void> {
  await wish("end_listening", {});
}

async function askListening(): Promise<void> {
  await request<Listening | null>("GET", "/listening").then((found) => (listening.value = found), report);
}

/** He asked for this call a moment ago: the phone in his page takes it, whatever view he looks at. A desk phone rings. */
effect(() => {
  const asked = listening.value;
  const ringing = phone.ringing.value;
  if (asked === null || asked.on || ringing === null || ringing.callId !== null || ringing.peer !== asked.agent_id) return;
  untracked(() => phone.answer(ringing));
});

// ---- announcements -------------------------------------------------------------------------------------------------

export const unread = signal<Announcement[]>([]);
export const sent = signal<SentAnnouncement[]>([]);

export async function markRead(announcement: Announcement): Promise<void> {
  await wish("read_announcement", { announcement_id: announcement.announcement_id });
}

async function askUnread(): Promise<void> {
  await request<Announcement[]>("GET", "/announcements/unread").then((found) => (unread.value = found), report);
}

export async function askSent(): Promise<void> {
  await request<SentAnnouncement[]>("GET", "/announcements?limit=10").then((found) => (sent.value = found), report);
}

// ---- thresholds ----------------------------------------------------------------------------------------------------

export const thresholds = signal<Thresholds[]>([]);

export async function askThresholds(): Promise<void> {
  await request<Thresholds[]>("GET", "/alarms").then((found) => (thresholds.value = found), report);
}

// ---- what comes in -------------------------------------------------------------------------------------------------

const listens = computed(() => leads.value || session.value?.role === "inspector");

/** After every join the server is asked for what it does not push. */
effect(() => {
  const joined = connection.value === "live" && session.value !== null;
  if (!joined) return;
  if (listens.value) void askListening();
  if (session.value?.agent_id != null && ["agent", "leader"].includes(session.value.role)) void askUnread();
});

effect(() => {
  if (session.value !== null) return;
  listening.value = null;
  unread.value = [];
  chosen.value = null;
});

listeners.add((event: LiveEvent) => {
  if (event.kind === "ListenStarted" || event.kind === "ListenModeChanged") {
    if (event.data.by === session.value?.login) {
      listening.value = { agent_id: event.data.subject, call_id: event.data.call_id, mode: event.data.mode, on: true };
    }
  } else if (event.kind === "ListenEnded") {
    if (event.data.by === session.value?.login && event.data.call_id === listening.value?.call_id) listening.value = null;
  } else if (event.kind === "AnnouncementMade") announced(event.data);
  else if (event.kind === "AnnouncementRead") {
    if (event.data.agent_id === session.value?.agent_id) {
      unread.value = unread.value.filter((one) => one.announcement_id !== event.data.announcement_id);
    }
  } else if (event.kind === "AlarmRaised" && watchesAll.value && isLive.value) {
    notify(`${queueName(event.data.queue)}: ${word("alarm", event.data.alarm)} (${event.data.value})`);
  }
});

function announced(made: Announcement & { agents: string[] }): void {
  const own = session.value?.agent_id;
  if (own == null || !made.agents.includes(own)) return;
  if (!unread.value.some((one) => one.announcement_id === made.announcement_id)) unread.value = [...unread.value, made];
}

export const mayNotify = signal(typeof Notification === "undefined" ? "denied" : Notification.permission);

export async function askToNotify(): Promise<void> {
  mayNotify.value = await Notification.requestPermission();
}

function notify(text: string): void {
  if (mayNotify.value === "granted") new Notification(text);
}
