// The agent's phone in this tab: which one he uses, whether it works, and the calls on it. No DOM and no SIP: the softphone, the
// server and the tab's lock are handed in, so that tests run the same code.

import { batch, computed, signal } from "@preact/signals";
import type { Phone as PhoneAnswer, SipAccount } from "../protocol";
import type { Microphone } from "./sounds";
import type { Fault, Line, MakeSoftphone, Registration, Softphone } from "./types";

export type Use = PhoneAnswer["use"];
/** Where the softphone lives: in this tab, in another one, or nowhere. */
export type Place = "none" | "here" | "elsewhere";

export interface Around {
  load(): Promise<MakeSoftphone>;
  read(): Promise<PhoneAnswer>;
  choose(use: Use): Promise<PhoneAnswer>;
  tryMicrophone(): Promise<Microphone>;
  /** Whether the agent has said that he hears the chosen speaker. */
  heard(): boolean;
  /** Queue up for being the one tab with a phone; answers how to leave, and how to ask the other tab for it. */
  claim(granted: () => void, waiting: () => void, asked: () => boolean): { close(): void; take(): void };
}

export type Obstacle = Exclude<Microphone, "good" | "silent"> | "not_registered" | "refused" | "other_tab" | "not_heard";
const PATIENCE_MS = 6_000;

export class AgentPhone {
  readonly use = signal<Use>("desk");
  readonly possible = signal(false);
  readonly place = signal<Place>("none");
  readonly registration = signal<Registration>("off");
  readonly lines = signal<readonly Line[]>([]);
  readonly microphone = signal<Microphone | null>(null);
  readonly fault = signal<Fault | null>(null);
  readonly ringing = computed(() => this.lines.value.find((line) => line.state === "ringing") ?? null);

  private phone: Softphone | null = null;
  private account: SipAccount | null = null;
  private lock: { close(): void; take(): void } | null = null;

  constructor(private readonly around: Around) {}

  /** After sign-in: take up what he chose earlier. */
  async begin(): Promise<void> {
    this.apply(await this.around.read());
  }

  async choose(use: Use): Promise<void> {
    this.apply(await this.around.choose(use));
  }

  /** End everything at once: sign-out, or the page goes. */
  end(): void {
    this.lock?.close();
    this.lock = null;
    this.quiet("none");
    this.microphone.value = null;
  }

  /** What stands between this phone and taking calls; null = nothing. The desk phone is not ours to test. */
  async obstacle(): Promise<Obstacle | null> {
    if (this.use.value === "desk") return null;
    if (this.place.value === "elsewhere") return "other_tab";
    const heard = this.microphone.value === "good" ? "good" : await this.tryMicrophone();
    if (heard !== "good" && heard !== "silent") return heard;
    if (!(await this.registered())) return this.registration.value === "refused" ? "refused" : "not_registered";
    return this.around.heard() ? null : "not_heard";
  }

  async tryMicrophone(): Promise<Microphone> {
    return (this.microphone.value = await this.around.tryMicrophone());
  }

  /** Other devices: a test made with the ones before counts no more. */
  useDevices(): void {
    this.microphone.value = null;
    this.phone?.useDevices();
  }

  takeOver(): void {
    this.lock?.take();
  }

  /** The line of one of our calls: by its id, else an incoming one that names none (we rang him ourselves). */
  lineOf(callId: string | null): Line | null {
    const lines = this.lines.value;
    return lines.find((line) => line.callId !== null && line.callId === callId) ?? lines.find((line) => line.direction === "in") ?? null;
  }

  call(number: string): void {
    this.fault.value = null;
    this.phone?.call(number);
  }

  answer(line: Line): void {
    this.fault.value = null;
    this.phone?.answer(line.id);
  }

  hangUp(line: Line): void {
    this.phone?.hangUp(line.id);
  }

  mute(line: Line): void {
    this.phone?.mute(line.id, !line.muted);
  }

  hold(line: Line): void {
    this.phone?.hold(line.id, !line.held);
  }

  press(line: Line, keys: string): void {
    this.phone?.press(line.id, keys);
  }

  private apply(answer: PhoneAnswer): void {
    this.account = answer.account;
    this.possible.value = answer.account !== null;
    this.use.value = answer.use;
    const wanted = answer.use === "softphone" && answer.account !== null;
    if (wanted && this.lock === null) {
      this.lock = this.around.claim(() => void this.live(), () => this.quiet("elsewhere"), () => this.lines.value.length === 0);
    } else if (!wanted) {
      this.end();
    }
  }

  private async live(): Promise<void> {
    this.place.value = "here";
    this.registration.value = "connecting";
    const make = await this.around.load();
    if (this.place.value !== "here" || this.account === null || this.phone !== null) return;
    this.phone = make({
      registration: (state) => (this.registration.value = state),
      lines: (lines) => (this.lines.value = lines),
      fault: (fault) => (this.fault.value = fault),
      mended: (fault) => {
        if (this.fault.value === fault) this.fault.value = null;
      },
    });
    this.phone.start(this.account);
  }

  private quiet(place: Place): void {
    const phone = this.phone;
    this.phone = null;
    phone?.stop();
    batch(() => {
      this.place.value = place;
      this.registration.value = "off";
      this.lines.value = [];
      this.fault.value = null;
    });
  }

  private registered(): Promise<boolean> {
    if (this.registration.value === "registered") return Promise.resolve(true);
    return new Promise((resolve) => {
      const stop = this.registration.subscribe((state) => {
        if (state === "registered" || state === "refused") done(state === "registered");
      });
      const timer = setTimeout(() => done(false), PATIENCE_MS);
      const done = (good: boolean) => {
        clearTimeout(timer);
        queueMicrotask(() => stop());
        resolve(good);
      };
    });
  }
}
