// A leader's view of the board: what is sorted, filtered and chosen, what he listens to, alarms and announcements.

import { computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import { request } from "../../api";
import { inLanguage, word } from "../../i18n";
import { connection } from "../../live";
import type { AgentRow, AlarmEntry, Announcement, Commands, LiveEvent, Listened, Listening, ListenEntry, Me, QueueRow, Reader, SentAnnouncement, SkillTitle, StateLimits, Thresholds } from "../../protocol";
import { agents, boardCalls, sum, queues, Tally } from "../../rows";
import { isLive, leads, listeners, now, problem, queueName, report, session, watchesAll, wish } from "../../state";
import { inCall, phone } from "../phone/desk";

export const FORMULAS = ["SL1", "SL2", "SL3", "SL4", "SL5", "SL6"] as const;
const FORMULA = "cti.service_level";
export const formula = signal(FORMULAS.find((one) => one === localStorage.getItem(FORMULA)) ?? "SL2");
effect(() => localStorage.setItem(FORMULA, formula.value));

export type AgentSort = "name" | "state" | "since" | "answered" | "average";
export type State = "ready" | "talking" | "wrap_up" | "paused" | "trouble";
export const STATES: State[] = ["ready", "talking", "wrap_up", "paused", "trouble"];
export const sort = signal<{ by: AgentSort; down: boolean }>({ by: "name", down: false });
export interface Filter { text: string; queue: string; skill: string; state: State | "" }
const ALL: Filter = { text: "", queue: "", skill: "", state: "" };
const FILTER = "cti.board.filter";
/** Which part of the floor one leads is remembered; what one looked for is not. */
export const filter = signal<Filter>({ ...ALL, ...(JSON.parse(localStorage.getItem(FILTER) ?? "{}") as Partial<Filter>) });
effect(() => localStorage.setItem(FILTER, JSON.stringify({ queue: filter.value.queue, skill: filter.value.skill })));
export const chosen = signal<string | null>(null);
export const wall = signal(false);
/** Skills the agents on the board have. */
export const skills = new Tally(agents, (agent) => Object.keys(agent.skills));
export const skillTitles = signal<ReadonlyMap<string, SkillTitle>>(new Map());

/** A skill in the language of the page; its code until the titles are there. */
export function skillName(code: string): string {
  const title = skillTitles.value.get(code);
  return (title === undefined ? "" : inLanguage(title)) || code;
}

/** What came of the last wish, until the next one or for some seconds. */
export const told = signal("");
let forget: ReturnType<typeof setTimeout> | undefined;
const TOLD_MS = 6_000;

/** A wish that says what came of it. */
export async function act<Name extends keyof Commands>(name: Name, args: Commands[Name], done: string): Promise<boolean> {
  told.value = "";
  await wish(name, args);
  if (problem.value !== null) return false;
  told.value = done;
  clearTimeout(forget);
  forget = setTimeout(() => (told.value = ""), TOLD_MS);
  return true;
}

export function stateOf(agent: Me): State {
  if (inCall(agent)) return "talking";
  if (agent.system === "wrap_up") return "wrap_up";
  if (agent.intent !== "ready") return "paused";
  return agent.system === "available" ? "ready" : "trouble";
}

export const states = new Tally(agents, (agent) => [stateOf(agent)]);
export const waitingNow = sum(queues, (queue) => queue.waiting);

/** The list stays the same object while its keys do, so that nothing is drawn again for a row that only changed. */
export function steady(keys: () => string[]): ReadonlySignal<readonly string[]> {
  let last: readonly string[] = [];
  return computed(() => {
    const next = keys();
    if (next.length !== last.length || next.some((key, place) => key !== last[place])) last = next;
    return last;
  });
}

const ORDER: Record<AgentSort, (one: AgentRow, other: AgentRow) => number> = {
  answered: (one, other) => one.answered - other.answered,
  average: (one, other) => (one.average ?? 0) - (other.average ?? 0),
  name: () => 0,
  state: (one, other) => STATES.indexOf(stateOf(one)) - STATES.indexOf(stateOf(other)) || one.since - other.since,
  since: (one, other) => one.since - other.since,
};

function named(agent: AgentRow, text: string): boolean {
  return `${agent.name} ${agent.agent_id}`.toLowerCase().includes(text.trim().toLowerCase());
}

function wanted(agent: AgentRow): boolean {
  const { text, queue, skill, state } = filter.value;
  return (text === "" || named(agent, text)) && (queue === "" || agent.queues.includes(queue)) && (skill === "" || skill in agent.skills) && (state === "" || stateOf(agent) === state);
}

/** Anew at once when somebody comes or goes or something else is asked for; for what the rows say, once a second: a list that
 * jumps cannot be read. */
export const shownAgents = steady(() => {
  const { by, down } = sort.value;
  const found = agents.keys.value.flatMap((key) => agents.get(key)?.peek() ?? []).filter(wanted);
  now.value;
  found.sort((one, other) => ORDER[by](one, other) || one.agent_id.localeCompare(other.agent_id));
  return (down ? found.reverse() : found).map((agent) => agent.agent_id);
});

const STAGES = ["waiting", "ringing", "dialling", "held", "talking", "survey", "menu", "ended"];
/** Who waits comes first, and who waits longest is on top. */
export const shownCalls = steady(() =>
  boardCalls
    .all()
    .filter((call) => filter.value.queue === "" || call.queue === filter.value.queue)
    .sort((one, other) => STAGES.indexOf(one.stage) - STAGES.indexOf(other.stage) || one.since - other.since)
    .map((call) => call.call_id),
);

export const freeAgents = computed(() => agents.all().filter((agent) => stateOf(agent) === "ready"));

// ---- listening ---------------------------------------------------------------------------------------------------

export const listening = signal<Listening | null>(null);

export async function listen(agent: string, mode: Listening["mode"]): Promise<void> {
  await wish("listen", { agent_id: agent, mode });
  await askListening();
}

/** Nobody tells of a phone that was not answered: ask while it rings. */
effect(() => {
  if (listening.value === null || listening.value.on) return;
  if (now.value > 0) void askListening();
});

export const listened = signal<Listened[]>([]);
export const listenLog = signal<ListenEntry[]>([]);

export async function askListenLog(): Promise<void> {
  await request<ListenEntry[]>("GET", "/listening/log").then((found) => (listenLog.value = found), report);
}

async function askSkills(): Promise<void> {
  await request<SkillTitle[]>("GET", "/skills").then((found) => (skillTitles.value = new Map(found.map((one) => [one.code, one]))), report);
}

async function askListened(): Promise<void> {
  await request<Listened[]>("GET", "/listened").then((found) => (listened.value = found), report);
}

export async function stopListening(): Promise<void> {
  await wish("end_listening", {});
}

async function askListening(): Promise<void> {
  await request<Listening | null>("GET", "/listening").then((found) => {
    if (JSON.stringify(found) !== JSON.stringify(listening.value)) listening.value = found;
  }, report);
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

export const readers = signal<{ id: string; rows: Reader[] } | null>(null);

export async function askReaders(id: string): Promise<void> {
  await request<Reader[]>("GET", `/announcements/${encodeURIComponent(id)}/readers`).then((rows) => (readers.value = { id, rows }), report);
}

// ---- alarms and thresholds ----------------------------------------------------------------------------------------------------

export const thresholds = signal<Thresholds[]>([]);

export async function askThresholds(): Promise<void> {
  await Promise.all([
    request<Thresholds[]>("GET", "/alarms").then((found) => (thresholds.value = found), report),
    request<StateLimits>("GET", "/state-limits").then((found) => (limits.value = found), report),
  ]);
}

export const limits = signal<StateLimits | null>(null);
export const alarmLog = signal<AlarmEntry[]>([]);
/** What nobody takes care of yet comes first. */
export const raisedNow = computed(() => {
  const raised = alarmLog.value.filter((one) => one.cleared_at === null);
  return [...raised.filter((one) => one.acknowledged_by === ""), ...raised.filter((one) => one.acknowledged_by !== "")];
});

export async function askAlarms(): Promise<void> {
  await request<AlarmEntry[]>("GET", "/alarms/log").then((found) => (alarmLog.value = found), report);
}

/** Percent a queue's service level should reach, by its alarm threshold; 0 = none set. */
export const targets = computed(() => new Map(thresholds.value.map((one) => [one.queue, one.service_level])));

/** He is in this state for longer than he should be. */
export function overlong(agent: Me, at: number): boolean {
  const set = limits.value;
  if (set === null || agent.system === "offered") return false;
  const state = stateOf(agent);
  const seconds = state === "ready" ? 0 : agent.held ? set.held : set[state];
  return seconds > 0 && at - agent.since > seconds * 1_000_000;
}

/** How a wait stands to its queue's threshold: from three quarters of it on it is time. */
export function urgency(queue: QueueRow, waited: number): "" | "soon" | "late" {
  const most = queue.threshold * 1_000_000;
  return most === 0 || waited < most * 0.75 ? "" : waited < most ? "soon" : "late";
}

const SOUND = "cti.alarm_sound";
export const sounding = signal(localStorage.getItem(SOUND) === "on");
effect(() => localStorage.setItem(SOUND, sounding.value ? "on" : "off"));

// ---- what comes in -------------------------------------------------------------------------------------------------

const listens = computed(() => leads.value || session.value?.role === "inspector");

/** After every join the server is asked for what it does not push. */
effect(() => {
  const joined = connection.value === "live" && session.value !== null;
  if (!joined) return;
  if (listens.value) void askListening();
  if (watchesAll.value) {
    void askThresholds();
    void askAlarms();
    void askSkills();
  }
  if (session.value?.agent_id != null && ["agent", "leader"].includes(session.value.role)) {
    void askUnread();
    void askListened();
  }
});

effect(() => {
  if (session.value !== null) return;
  listening.value = null;
  unread.value = [];
  listened.value = [];
  chosen.value = null;
  wall.value = false;
});

listeners.add((event: LiveEvent) => {
  if (event.kind.startsWith("Alarm") && watchesAll.value) void askAlarms();
  if (event.kind.startsWith("Listen") && "subject" in event.data && event.data.subject === session.value?.agent_id) void askListened();
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
    if (sounding.value) alarmSound();
    notify(`${queueName(event.data.queue)}: ${word("alarm", event.data.alarm)} (${event.data.value})`);
  }
});

function announced(made: Announcement & { agents: string[] }): void {
  const own = session.value?.agent_id;
  if (own == null || !made.agents.includes(own)) return;
  if (!unread.value.some((one) => one.announcement_id === made.announcement_id)) unread.value = [...unread.value, made];
}

/** Two short tones, made here: no file is loaded. */
function alarmSound(): void {
  const audio = new AudioContext();
  [880, 660].forEach((pitch, place) => {
    const tone = new OscillatorNode(audio, { frequency: pitch });
    tone.connect(new GainNode(audio, { gain: 0.15 })).connect(audio.destination);
    tone.start(audio.currentTime + place * 0.25);
    tone.stop(audio.currentTime + place * 0.25 + 0.2);
    if (place === 1) tone.onended = () => void audio.close();
  });
}

export const mayNotify = signal(typeof Notification === "undefined" ? "denied" : Notification.permission);

export async function askToNotify(): Promise<void> {
  mayNotify.value = await Notification.requestPermission();
}

function notify(text: string): void {
  if (mayNotify.value === "granted") new Notification(text);
}
