// The agent's phone of this page, tied to sign-in, ring tone, notification and the page's end.

import { people } from "../../numbers";
import { computed, effect, signal, untracked } from "@preact/signals";
import { request } from "../../api";
import { t } from "../../i18n";
import type { Directory, Me, Phone } from "../../protocol";
import { AgentPhone, type Use } from "../../softphone/phone";
import { listDevices, onDeviceChange, setSound, sound, speakerHeard, type Sound } from "../../softphone/devices";
import { notify, ring, tryMicrophone, trySpeaker } from "../../softphone/sounds";
import { PhoneTab } from "../../softphone/tab";
import { loadSoftphone } from "../../softphone/types";
import { me, pop, problem, report, session, wish } from "../../state";

const OWN = "/agents/me/phone";

export const phone = new AgentPhone({
  load: loadSoftphone,
  read: () => request<Phone>("GET", OWN),
  choose: (use) => request<Phone>("POST", OWN, { use }),
  tryMicrophone,
  heard: () => speakerHeard.value,
  claim: (granted, waiting, asked) => new PhoneTab(session.peek()?.agent_id ?? "", { granted, waiting, asked }),
});

export const directory = signal<Directory>({ agents: [], queues: [], numbers: [] });

export function readDirectory(): void {
  void request<Directory>("GET", "/directory").then((found) => (directory.value = found), report);
}

export function choose(use: Use): void {
  void phone.choose(use).catch(report);
}

/** The panel with devices, level and test tone is open. */
export const testing = signal(false);

export function testPhone(): void {
  testing.value = true;
  trySpeaker();
  void phone.tryMicrophone();
}

/** What he said of the test tone. */
export function heardTone(heard: boolean): void {
  setSound({ heard: heard ? sound.peek().speaker : null });
  if (heard) testing.value = false;
}

export function chooseSound(change: Partial<Sound>): void {
  setSound(change);
  phone.useDevices();
}

/** Ready only with a phone that works: what does not is said, with what to do. */
export async function goReady(): Promise<void> {
  const obstacle = await phone.obstacle();
  if (obstacle === null) return wish("ready", {});
  if (obstacle === "not_heard") testPhone();
  problem.value = { code: `obstacle.${obstacle}`, message: "", details: {} };
}

/** Call a number, from whichever phone the agent uses. The server agrees first: a phone in the page dials after that. */
export async function dial(number: string): Promise<void> {
  const wanted = number.normalize("NFKC").trim();
  if (wanted === "") return;
  const here = phone.place.value === "here";
  await wish("place_call", { number: wanted, in_page: here });
  if (here && problem.value === null) phone.call(wanted.replace(/[^+0-9*#]/g, ""));
}

/** A call is in hand. */
export function inCall(own: Me): boolean {
  return ["offered", "dialling", "talking", "internal"].includes(own.system);
}

/** Calls can be made now. */
export const mayDial = computed(() => me.value !== null && me.value.intent !== "signed_out" && !inCall(me.value));

/** The line of the call in hand: of one we placed, that which goes out, until the server rings us for it (this page was away). */
export function line() {
  if (phone.place.value !== "here") return null;
  const call = me.value?.call_id ?? null;
  const out = phone.lines.value.find((one) => one.direction === "out") ?? null;
  const placed = me.value?.system === "dialling" || (pop.value?.direction === "outbound" && me.value?.system !== "offered");
  return placed && (out !== null || me.value?.system === "dialling") ? out : phone.lineOf(call);
}

effect(() => {
  const agent = session.value?.agent_id ?? null;
  untracked(() => {
    phone.end();
    if (agent !== null) void phone.begin().catch(report);
  });
});

onDeviceChange(() => phone.useDevices());
void listDevices();

/** Somebody rings: at the softphone, or (as the server says) at the desk phone. */
const incoming = computed(() => phone.ringing.value !== null || me.value?.system === "offered");
// A phone in the page that could not dial what was agreed gives it up at once.
effect(() => {
  if (phone.fault.value !== null && me.peek()?.system === "dialling" && phone.lines.peek().length === 0) untracked(() => void wish("hang_up", {}));
});

let shown: Notification | null = null;
effect(() => {
  ring(incoming.value);
  shown?.close();
  shown = null;
});

// The name comes a moment after the ringing; the notification says it as soon as it is known.
effect(() => {
  const who = pop.value?.customer?.name || people(pop.value?.caller ?? "") || phone.ringing.value?.peer || "";
  if (!incoming.value) return;
  untracked(() => {
    shown?.close();
    shown = notify(t("incoming"), who);
  });
});

// Without this the switch would hold a dead call until its media timer ends it. In a talk the server is told and ends our leg
// itself, keeping the caller for our return: a BYE of ours would look like hanging up. Otherwise BYE and unregister.
addEventListener("pagehide", () => {
  const talking = phone.lines.peek().some((one) => one.state === "talking") && me.peek()?.system === "talking";
  if (talking) navigator.sendBeacon("/api/v1/agents/me/phone_cut", new Blob(["{}"], { type: "application/json" }));
  else phone.end();
});
