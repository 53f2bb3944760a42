// The agent's phone of this page, tied to sign-in, ring tone, notification and the page's end.

import { effect, signal, untracked } from "@preact/signals";
import { request } from "../../api";
import { t } from "../../i18n";
import type { Directory, Phone } from "../../protocol";
import { AgentPhone, type Use } from "../../softphone/phone";
import { mayNotify, notify, ring, tryMicrophone, trySpeaker } from "../../softphone/sounds";
import { PhoneTab } from "../../softphone/tab";
import { loadSoftphone } from "../../softphone/types";
import { me, pop, problem, report, session, wish } from "../../state";

const OWN = "/agents/me/phone";

export const phone = new AgentPhone({
  load: loadSoftphone,
  read: () => request<Phone>("GET", OWN),
  choose: (use) => request<Phone>("POST", OWN, { use }),
  tryMicrophone,
  claim: (granted, waiting, asked) => new PhoneTab(session.peek()?.agent_id ?? "", { granted, waiting, asked }),
});

export const directory = signal<Directory>({ agents: [], queues: [], numbers: [] });
/** A consultation was begun from here and goes on. */
export const consulting = signal(false);

export function readDirectory(): void {
  void request<Directory>("GET", "/directory").then((found) => (directory.value = found), report);
}

export function choose(use: Use): void {
  mayNotify();
  void phone.choose(use).catch(report);
}

export function testPhone(): void {
  mayNotify();
  trySpeaker();
  void phone.tryMicrophone();
}

/** Ready only with a phone that works: what does not is said, with what to do. */
export async function goReady(): Promise<void> {
  const obstacle = await phone.obstacle();
  if (obstacle === null) await wish("ready", {});
  else problem.value = { code: `obstacle.${obstacle}`, message: "", details: {} };
}

/** Call any number shown on the page, from whichever phone the agent uses. */
export function dial(number: string): void {
  const digits = number.replace(/[\s().-]/g, "");
  if (digits === "") return;
  if (phone.place.value === "here") phone.call(digits);
  else void wish("place_call", { number: digits });
}

/** The line of the call in hand. */
export function line() {
  return phone.place.value === "here" ? phone.lineOf(me.value?.call_id ?? null) : null;
}

effect(() => {
  const agent = session.value?.agent_id ?? null;
  untracked(() => {
    phone.end();
    if (agent !== null) void phone.begin().catch(report);
  });
});

let shown: Notification | null = null;
effect(() => {
  const ringing = phone.ringing.value;
  ring(ringing !== null);
  shown?.close();
  shown = ringing === null ? null : untracked(() => notify(t("incoming"), pop.value?.customer?.name || ringing.peer));
});

effect(() => {
  if (me.value?.system !== "talking") consulting.value = false;
});

// Without this the switch would hold a dead call until its media timer ends it. In a talk the server is told and ends our leg
// itself, keeping the caller for our return: a BYE of ours would look like hanging up. Otherwise BYE and unregister.
addEventListener("pagehide", () => {
  const talking = phone.lines.peek().some((one) => one.state === "talking") && me.peek()?.system === "talking";
  if (talking) navigator.sendBeacon("/api/v1/agents/me/phone_cut", new Blob(["{}"], { type: "application/json" }));
  else phone.end();
});
