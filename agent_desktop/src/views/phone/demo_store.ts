// The newcomer's phone: one line, what he pressed, and what the contact centre asks him now.

import { computed, effect, signal } from "@preact/signals";
import { request } from "../../api";
import type { DemoAsked, DemoPhone } from "../../protocol";
import { tryMicrophone, type Microphone } from "../../softphone/sounds";
import { loadSoftphone, type Fault, type Line, type Registration, type Softphone } from "../../softphone/types";

export const STRANGER = "13900009999";
const ASK_EVERY_MS = 700;
const KEPT_DIGITS = 24;

export const told = signal<DemoPhone | null>(null);
export const away = signal(false);
export const registration = signal<Registration>("off");
export const line = signal<Line | null>(null);
export const fault = signal<Fault | null>(null);
/** Why the microphone cannot be used; null = it can, or nobody has called yet. */
export const microphone = signal<Microphone | null>(null);
export const pressed = signal("");
export const caller = signal("");
export const asked = signal<DemoAsked | null>(null);
export const ended = signal(false);
/** Whole seconds of the talk. */
export const seconds = signal(0);
const starting = signal(false);
export const talking = computed(() => line.value?.state === "talking");
export const canCall = computed(() => registration.value === "registered" && line.value === null && !starting.value);
let phone: Softphone | null = null;

export async function begin(): Promise<void> {
  try {
    const found = await request<DemoPhone>("GET", "/demo/phone");
    caller.value = found.callers[0]?.number ?? STRANGER;
    const make = await loadSoftphone();
    phone = make({
      registration: (state) => (registration.value = state),
      lines: (lines) => (line.value = lines[0] ?? null),
      fault: (what) => (fault.value = what),
      mended: (what) => {
        if (fault.value === what) fault.value = null;
      },
    });
    phone.start(found.account);
    told.value = found;
  } catch {
    away.value = true;
  }
}

export function end(): void {
  phone?.stop();
}

/** The microphone is tried first: a call without one cannot be made, and the switch could not say why. */
export async function call(did: string): Promise<void> {
  if (!canCall.value) return;
  starting.value = true;
  fault.value = null;
  ended.value = false;
  pressed.value = "";
  const heard = await tryMicrophone();
  starting.value = false;
  microphone.value = heard === "good" ? null : heard;
  if (heard === "good" || heard === "silent") phone?.call(did, caller.value);
}

export function press(key: string): void {
  if (line.value === null || !talking.value) return;
  pressed.value = (pressed.value + key).slice(-KEPT_DIGITS);
  phone?.press(line.value.id, key);
}

export function mute(): void {
  if (line.value !== null) phone?.mute(line.value.id, !line.value.muted);
}

export function hangUp(): void {
  if (line.value !== null) phone?.hangUp(line.value.id);
}

/** While a call is up: its clock, and what it is being asked. */
effect(() => {
  if (!talking.value) return;
  const from = Date.now();
  seconds.value = 0;
  const clock = setInterval(() => (seconds.value = Math.floor((Date.now() - from) / 1000)), 250);
  const ask = setInterval(() => void listen(), ASK_EVERY_MS);
  return () => {
    clearInterval(clock);
    clearInterval(ask);
    asked.value = null;
    ended.value = true;
  };
});

async function listen(): Promise<void> {
  const found = await request<DemoAsked | null>("GET", `/demo/phone/asked?caller=${caller.peek()}`).catch(() => null);
  if (talking.peek()) asked.value = found;
}
