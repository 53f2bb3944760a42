// Which microphone and speakers the agent uses, kept in this browser. '' = the system's own choice.

import { computed, effect, signal } from "@preact/signals";

export interface Sound {
  /** deviceId of the microphone, of the speaker that plays the caller, and of the one that rings. */
  microphone: string;
  speaker: string;
  ring: string;
  /** 0 to 1. */
  volume: number;
  /** The speaker whose test tone the agent has heard; null = never confirmed. */
  heard: string | null;
}

const KEPT = "cti.sound";
const FIRST: Sound = { microphone: "", speaker: "", ring: "", volume: 1, heard: null };

export const sound = signal<Sound>(kept());
export const devices = signal<readonly MediaDeviceInfo[]>([]);
export const microphones = computed(() => devices.value.filter((one) => one.kind === "audioinput"));
export const speakers = computed(() => devices.value.filter((one) => one.kind === "audiooutput"));
export const speakerHeard = computed(() => sound.value.heard === sound.value.speaker);

function kept(): Sound {
  try {
    return { ...FIRST, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Sound>) };
  } catch {
    return FIRST;
  }
}

export function setSound(change: Partial<Sound>): void {
  sound.value = { ...sound.value, ...change };
}

effect(() => localStorage.setItem(KEPT, JSON.stringify(sound.value)));

/** What is plugged in now; labels are empty until the microphone has been allowed once. */
export async function listDevices(): Promise<void> {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  devices.value = media === undefined ? [] : await media.enumerateDevices().catch(() => []);
}

/** The chosen microphone, or the system's when that one is not plugged in. */
export function microphoneWanted(): MediaTrackConstraints | true {
  const chosen = sound.peek().microphone;
  const there = devices.peek().length === 0 || devices.peek().some((one) => one.deviceId === chosen);
  return chosen === "" || !there ? true : { deviceId: { exact: chosen } };
}

/** The id of a chosen output if it is plugged in. */
export function outputWanted(which: "speaker" | "ring"): string {
  const chosen = sound.peek()[which];
  return devices.peek().some((one) => one.deviceId === chosen) ? chosen : "";
}

/** Tells when a device comes or goes. */
export function onDeviceChange(tell: () => void): () => void {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  const change = () => void listDevices().then(tell);
  media?.addEventListener("devicechange", change);
  return () => media?.removeEventListener("devicechange", change);
}
