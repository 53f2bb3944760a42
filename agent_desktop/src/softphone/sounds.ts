// What the agent hears besides the caller: the ring, and a tone to try the speaker with. Made here, so no file is fetched.

const RING_HZ = [440, 480];
const RING_MS = 1_000;
const RING_EVERY_MS = 3_000;
const TRY_HZ = [660];
const TRY_MS = 700;
const LOUDNESS = 0.12;
const QUIETEST = 0.004;
const LISTEN_MS = 900;

let context: AudioContext | null = null;
let ringing: ReturnType<typeof setInterval> | undefined;

function audio(): AudioContext {
  context ??= new AudioContext();
  void context.resume();
  return context;
}

function tone(frequencies: readonly number[], millis: number): void {
  const to = audio();
  const [start, end] = [to.currentTime, to.currentTime + millis / 1000];
  const volume = to.createGain();
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(LOUDNESS, start + 0.02);
  volume.gain.setValueAtTime(LOUDNESS, end - 0.02);
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
  tone(RING_HZ, RING_MS);
  ringing = setInterval(() => tone(RING_HZ, RING_MS), RING_EVERY_MS);
}

export function trySpeaker(): void {
  tone(TRY_HZ, TRY_MS);
}

export type Microphone = "good" | "silent" | "denied" | "missing" | "busy" | "insecure";

/** Opens the microphone for a moment and listens whether it brings anything at all. */
export async function tryMicrophone(): Promise<Microphone> {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) return "insecure";
  let stream: MediaStream;
  try {
    stream = await devices.getUserMedia({ audio: true });
  } catch (error) {
    return REFUSED[(error as DOMException).name] ?? "missing";
  }
  try {
    return (await loudest(stream)) > QUIETEST ? "good" : "silent";
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

const REFUSED: Record<string, Microphone> = { NotAllowedError: "denied", NotReadableError: "busy", SecurityError: "denied" };

async function loudest(stream: MediaStream): Promise<number> {
  const from = audio();
  const source = from.createMediaStreamSource(stream);
  const analyser = from.createAnalyser();
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let peak = 0;
  for (const until = Date.now() + LISTEN_MS; Date.now() < until && peak <= QUIETEST; ) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    analyser.getFloatTimeDomainData(samples);
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  }
  source.disconnect();
  return peak;
}

/** A desktop notification for a page nobody looks at; clicking it brings the page up. */
export function notify(title: string, body: string): Notification | null {
  if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return null;
  const shown = new Notification(title, { body, tag: "cti.call", requireInteraction: true });
  shown.onclick = () => {
    window.focus();
    shown.close();
  };
  return shown;
}

export function mayNotify(): void {
  if ("Notification" in window && Notification.permission === "default") void Notification.requestPermission();
}
