// What the agent hears besides the caller: the ring, and a tone to try the speaker with. Made here, so no file is fetched.

import { signal } from "@preact/signals";
import { listDevices, microphoneWanted, outputWanted, sound } from "./devices";

const RING_HZ = [440, 480];
const RING_MS = 1_000;
const RING_EVERY_MS = 3_000;
const TRY_HZ = [660];
const TRY_MS = 700;
const LOUDNESS = 0.12;
const QUIETEST = 0.004;
const LISTEN_MS = 900;

/** One a purpose: they may play on different devices. */
const contexts = new Map<Purpose, AudioContext>();
let ringing: ReturnType<typeof setInterval> | undefined;

type Purpose = "speaker" | "ring";

function audio(purpose: Purpose): AudioContext {
  const context = contexts.get(purpose) ?? new AudioContext();
  contexts.set(purpose, context);
  const choosing = context as AudioContext & { sinkId?: string; setSinkId?(id: string): Promise<void> };
  const wanted = outputWanted(purpose);
  if (choosing.setSinkId !== undefined && choosing.sinkId !== wanted) void choosing.setSinkId(wanted).catch(() => undefined);
  void context.resume();
  return context;
}

function tone(purpose: Purpose, frequencies: readonly number[], millis: number): void {
  const to = audio(purpose);
  const loudness = LOUDNESS * (purpose === "speaker" ? sound.peek().volume : 1);
  const [start, end] = [to.currentTime, to.currentTime + millis / 1000];
  const volume = to.createGain();
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(loudness, start + 0.02);
  volume.gain.setValueAtTime(loudness, end - 0.02);
  volume.gain.linearRampToValueAtTime(0, end);
  volume.connect(to.destination);
  for (const hertz of frequencies) {
    const one = to.createOscillator();
    one.frequency.value = hertz;
    one.connect(volume);
    one.start(start);
    one.stop(end);
  }
}

export function ring(on: boolean): void {
  clearInterval(ringing);
  ringing = undefined;
  if (!on) return;
  tone("ring", RING_HZ, RING_MS);
  ringing = setInterval(() => tone("ring", RING_HZ, RING_MS), RING_EVERY_MS);
}

export function trySpeaker(): void {
  tone("speaker", TRY_HZ, TRY_MS);
}

export function tryRing(): void {
  tone("ring", RING_HZ, TRY_MS);
}

export type Microphone = "good" | "silent" | "denied" | "missing" | "busy" | "insecure";

/** Opens the microphone for a second, shows its level, and says whether it brought anything at all. */
export async function tryMicrophone(): Promise<Microphone> {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) return "insecure";
  let stream: MediaStream;
  try {
    stream = await devices.getUserMedia({ audio: microphoneWanted() });
  } catch (error) {
    return REFUSED[(error as DOMException).name] ?? "missing";
  }
  void listDevices(); // their names are told from now on
  try {
    return (await loudest(stream)) > QUIETEST ? "good" : "silent";
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

const REFUSED: Record<string, Microphone> = { NotAllowedError: "denied", NotReadableError: "busy", SecurityError: "denied" };

/** 0 to 1, for a level meter. */
export const level = signal(0);

async function loudest(stream: MediaStream): Promise<number> {
  const from = audio("speaker");
  const source = from.createMediaStreamSource(stream);
  const analyser = from.createAnalyser();
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let peak = 0;
  for (const until = Date.now() + LISTEN_MS; Date.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    analyser.getFloatTimeDomainData(samples);
    level.value = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    peak = Math.max(peak, level.value);
  }
  level.value = 0;
  source.disconnect();
  return peak;
}

/** A desktop notification for a page nobody looks at; clicking it brings the page up. */
export function notify(title: string, body: string): Notification | null {
  if ((!document.hidden && document.hasFocus()) || !("Notification" in window) || Notification.permission !== "granted") return null;
  const shown = new Notification(title, { body, tag: "cti.call", requireInteraction: true });
  shown.onclick = () => {
    window.focus();
    shown.close();
  };
  return shown;
}

export type MayNotify = NotificationPermission | "impossible";

export const notifying = signal<MayNotify>("Notification" in window ? Notification.permission : "impossible");

/** Only ever at the agent's own click: browsers hold a question out of the blue against the site. */
export async function askToNotify(): Promise<void> {
  if (notifying.value === "default") notifying.value = await Notification.requestPermission();
}
