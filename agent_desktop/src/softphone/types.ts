// The phone in the page, as the rest of the page sees it. JsSIP stands behind it (jssip.ts), and a fake in tests (fake.ts).

import type { SipAccount } from "../protocol";

/** `off` = not wanted; `connecting` also after a loss, for ever; `refused` = the switch does not know us, so trying on is no use. */
export type Registration = "off" | "connecting" | "registered" | "refused";

export type LineState = "ringing" | "dialling" | "talking";

/** Why a call could not be made or taken: each has advice in words/phone. */
export type Fault = "microphone_denied" | "microphone_missing" | "microphone_unplugged" | "no_media" | "nothing_heard" | "busy" | "no_answer" | "failed";

/** One call at this phone. */
export interface Line {
  readonly id: string;
  readonly direction: "in" | "out";
  readonly state: LineState;
  readonly peer: string;
  /** Our call id when the server sent us this call (header X-CTI-Call-Id). */
  readonly callId: string | null;
  readonly muted: boolean;
  readonly held: boolean;
}

export interface PhoneEvents {
  registration(state: Registration): void;
  lines(lines: readonly Line[]): void;
  fault(fault: Fault): void;
  /** What a fault said is over. */
  mended(fault: Fault): void;
}

export interface Softphone {
  start(account: SipAccount): void;
  /** Ends calls and registration at once; also right for a page that goes away. */
  stop(): void;
  call(number: string, asCaller?: string): void;
  answer(id: string): void;
  /** Refuses a ringing call, ends any other. */
  hangUp(id: string): void;
  mute(id: string, on: boolean): void;
  hold(id: string, on: boolean): void;
  /** Keys as RFC 4733 events. */
  press(id: string, keys: string): void;
  /** Other devices were chosen, or one came or went: talks in hand go over to what is wanted now. */
  useDevices(): void;
}

export type MakeSoftphone = (events: PhoneEvents) => Softphone;

/** The real one, in a chunk of its own: the desk is usable before it is loaded. */
export async function loadSoftphone(): Promise<MakeSoftphone> {
  return (await import("./jssip")).makeSoftphone;
}
