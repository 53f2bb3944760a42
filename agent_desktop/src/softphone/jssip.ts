// Softphone on JsSIP: SIP over this server's WebSocket, media straight between browser and switch.

import JsSIP from "jssip";
import type { SipAccount } from "../protocol";
import { microphoneWanted, outputWanted, sound as chosen } from "./devices";
import type { Fault, Line, LineState, MakeSoftphone, PhoneEvents, Softphone } from "./types";

type UA = InstanceType<typeof JsSIP.UA>;
type Session = ReturnType<UA["call"]>;

const REGISTER_SECONDS = 60;
const RETRY_SECONDS = { least: 1, most: 4 };
/** Chromium goes on gathering TCP candidates nobody uses; after the first usable one this is enough for the rest. */
const GATHER_MS = 150;
const KEY_MS = 120;
const KEY_GAP_MS = 80;
const BUSY_HERE = 486;
/** An answered call whose sound has not come by then gets a word of advice. */
const FIRST_SOUND_MS = 4_000;
/** Sound that stands still for this long wants a new way through the network. */
const WAY_LOST_MS = 1_500;
/** By this the server tells this page from one before a reload or crash. */
const PAGE = `${Math.round(performance.timeOrigin).toString(36)}-${Math.random().toString(36).slice(2)}`;
const media = () => ({ mediaConstraints: { audio: microphoneWanted(), video: false }, pcConfig: { iceServers: [] } });
const FAULTS: Record<string, Fault> = {
  "User Denied Media Access": "microphone_denied",
  "WebRTC Error": "no_media",
  "RTP Timeout": "no_media",
  "Bad Media Description": "no_media",
  "Incompatible SDP": "no_media",
  Busy: "busy",
  "No Answer": "no_answer",
  "Request Timeout": "no_answer",
  Unavailable: "no_answer",
};
/** Ends nobody needs to be told about. */
const QUIET = new Set(["Terminated", "Canceled", "Rejected", "Expires"]);

interface Held {
  line: Line;
  session: Session;
  sound: HTMLAudioElement;
}

export const makeSoftphone: MakeSoftphone = (events) => new JsSipPhone(events);

class JsSipPhone implements Softphone {
  private ua: UA | null = null;
  private readonly calls = new Map<string, Held>();
  private away = false;

  constructor(private readonly events: PhoneEvents) {}

  start(account: SipAccount): void {
    this.stop();
    const ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`${location.origin.replace(/^http/, "ws")}${account.websocket}?page=${PAGE}`)],
      uri: account.uri,
      authorization_user: account.user,
      password: account.password,
      register: account.user !== "demo",
      register_expires: REGISTER_SECONDS,
      session_timers: false,
      connection_recovery_min_interval: RETRY_SECONDS.least,
      connection_recovery_max_interval: RETRY_SECONDS.most,
    });
    this.ua = ua;
    const mine = (tell: () => void) => () => {
      if (this.ua === ua) tell();
    };
    ua.on("connected", mine(() => account.user === "demo" && this.events.registration("registered")));
    ua.on("disconnected", mine(() => {
      this.away = true;
      this.events.registration("connecting");
    }));
    ua.on("registered", mine(() => {
      this.events.registration("registered");
      if (this.away) this.again();
      this.away = false;
    }));
    ua.on("unregistered", mine(() => this.events.registration("connecting")));
    ua.on("registrationFailed", (failed) => {
      if (this.ua !== ua) return;
      const refused = [401, 403, 404].includes((failed.response as { status_code?: number } | null)?.status_code ?? 0);
      this.events.registration(refused ? "refused" : "connecting");
    });
    ua.on("newRTCSession", (made: { originator: string; session: Session; request: { getHeader(name: string): string | undefined } }) => {
      if (made.originator === "remote" && this.ua === ua) this.take(made.session, made.request.getHeader("X-CTI-Call-Id") ?? null);
    });
    this.events.registration("connecting");
    ua.start();
  }

  stop(): void {
    const ua = this.ua;
    this.ua = null;
    ua?.stop();
    for (const id of [...this.calls.keys()]) this.forget(id);
    this.events.registration("off");
  }

  call(number: string, asCaller?: string): void {
    if (this.ua === null) return;
    const extraHeaders = asCaller === undefined ? [] : [`P-Asserted-Identity: <sip:${asCaller}@cti.invalid>`];
    this.add(this.ua.call(number, { ...media(), extraHeaders }), "out", null);
  }

  answer(id: string): void {
    const held = this.calls.get(id);
    if (held?.line.state === "ringing") held.session.answer(media());
  }

  hangUp(id: string): void {
    const held = this.calls.get(id);
    if (held === undefined || held.session.isEnded()) return;
    if (held.line.state === "ringing") held.session.terminate({ status_code: BUSY_HERE });
    else held.session.terminate();
  }

  mute(id: string, on: boolean): void {
    const session = this.calls.get(id)?.session;
    if (on) session?.mute({ audio: true });
    else session?.unmute({ audio: true });
  }

  hold(id: string, on: boolean): void {
    const session = this.calls.get(id)?.session;
    if (on) session?.hold();
    else session?.unhold();
  }

  press(id: string, keys: string): void {
    const rfc = JsSIP.C.DTMF_TRANSPORT.RFC2833;
    this.calls.get(id)?.session.sendDTMF(keys, { transportType: rfc, duration: KEY_MS, interToneGap: KEY_GAP_MS });
  }

  useDevices(): void {
    for (const held of this.calls.values()) {
      this.play(held.sound);
      void this.speakInto(held).catch(() => this.events.fault("microphone_unplugged"));
    }
  }

  private play(sound: HTMLAudioElement): void {
    sound.volume = chosen.peek().volume;
    const output = outputWanted("speaker");
    if (sound.sinkId !== output) void sound.setSinkId(output).catch(() => undefined);
  }

  /** The microphone that is wanted now, when the one in use was unplugged or another one chosen. */
  private async speakInto(held: Held): Promise<void> {
    const connection = held.session.connection as RTCPeerConnection | null;
    const sender = connection?.getSenders().find((one) => one.track?.kind === "audio");
    const old = sender?.track;
    if (!sender || !old) return;
    const wanted = microphoneWanted();
    const same = wanted === true || old.getSettings().deviceId === (wanted.deviceId as { exact: string }).exact;
    if (same && old.readyState === "live") return;
    const [track] = (await navigator.mediaDevices.getUserMedia({ audio: wanted })).getAudioTracks();
    if (track === undefined) return;
    track.enabled = old.enabled;
    await sender.replaceTrack(track);
    old.stop();
    this.watchMicrophone(held.session);
    this.events.mended("microphone_unplugged");
  }

  /** The network was away: new ways for the sound are looked for, and the switch learns where we are now. A call that is gone is
   * answered 481, and ends here too. */
  private again(): void {
    for (const id of this.calls.keys()) this.newWay(id);
  }

  private newWay(id: string): void {
    const held = this.calls.get(id);
    if (held?.line.state === "talking" && this.ua?.isRegistered()) held.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
  }

  /** The interface the sound went over is gone (Wi-Fi changed, cable pulled): without a new way it would stay silent for good. */
  private watchWay(id: string, connection: RTCPeerConnection): void {
    let lost: ReturnType<typeof setTimeout> | undefined;
    connection.addEventListener("iceconnectionstatechange", () => {
      clearTimeout(lost);
      const state = connection.iceConnectionState;
      if (state === "failed" || state === "disconnected") lost = setTimeout(() => this.newWay(id), state === "failed" ? 0 : WAY_LOST_MS);
    });
  }

  private watchMicrophone(session: Session): void {
    const connection = session.connection as RTCPeerConnection | null;
    const track = connection?.getSenders().find((one) => one.track?.kind === "audio")?.track;
    track?.addEventListener("ended", () => {
      this.events.fault("microphone_unplugged");
      this.useDevices();
    });
  }

  private listenForSound(id: string, session: Session): void {
    setTimeout(() => {
      if (!this.calls.has(id) || session.isOnHold().local) return;
      void soundPackets(session).then((packets) => packets === 0 && this.calls.has(id) && this.events.fault("nothing_heard"));
    }, FIRST_SOUND_MS);
  }

  private take(session: Session, callId: string | null): void {
    this.add(session, "in", callId);
  }

  private add(session: Session, direction: "in" | "out", callId: string | null): void {
    const id = session.id;
    const identity = session.remote_identity;
    const peer = identity.display_name || identity.uri.user || "";
    const line: Line = { id, direction, state: direction === "in" ? "ringing" : "dialling", peer, callId, muted: false, held: false };
    const sound = document.createElement("audio");
    sound.autoplay = true;
    this.play(sound);
    this.calls.set(id, { line, session, sound });
    this.listen(session, id, sound);
    this.tell();
  }

  private listen(session: Session, id: string, sound: HTMLAudioElement): void {
    const hear = (connection: RTCPeerConnection) =>
      connection.addEventListener("track", (event) => {
        sound.srcObject = event.streams[0] ?? new MediaStream([event.track]);
        void sound.play().catch(() => undefined);
      });
    // An outgoing call has its connection already, an incoming one gets it with the answer.
    if (session.connection) hear(session.connection);
    session.on("peerconnection", ({ peerconnection }: { peerconnection: RTCPeerConnection }) => hear(peerconnection));
    let gathered: ReturnType<typeof setTimeout> | undefined;
    session.on("icecandidate", ({ candidate, ready }: { candidate: RTCIceCandidate; ready: () => void }) => {
      if (candidate.protocol === "udp") gathered ??= setTimeout(ready, GATHER_MS);
    });
    session.on("accepted", () => this.change(id, { state: "talking" }));
    session.on("confirmed", () => {
      this.watchMicrophone(session);
      if (session.connection) this.watchWay(id, session.connection as RTCPeerConnection);
      this.listenForSound(id, session);
    });
    session.on("hold", () => this.change(id, { held: session.isOnHold().local }));
    session.on("unhold", () => this.change(id, { held: session.isOnHold().local }));
    session.on("muted", () => this.change(id, { muted: true }));
    session.on("unmuted", () => this.change(id, { muted: false }));
    session.on("getusermediafailed", (error: { name?: string }) => {
      this.events.fault(error.name === "NotFoundError" ? "microphone_missing" : "microphone_denied");
    });
    session.on("ended", () => this.forget(id));
    session.on("failed", ({ originator, cause }: { originator: string; cause: string }) => {
      this.forget(id);
      if (cause === "User Denied Media Access") return; // told above, with its reason
      if (!QUIET.has(cause) && !(originator === "local" && cause === "Busy")) this.events.fault(FAULTS[cause] ?? "failed");
    });
  }

  private change(id: string, change: Partial<{ state: LineState; muted: boolean; held: boolean }>): void {
    const held = this.calls.get(id);
    if (held === undefined) return;
    held.line = { ...held.line, ...change };
    this.tell();
  }

  private forget(id: string): void {
    const held = this.calls.get(id);
    if (held === undefined) return;
    held.sound.srcObject = null;
    this.calls.delete(id);
    this.tell();
  }

  private tell(): void {
    this.events.lines([...this.calls.values()].map((held) => held.line));
  }
}

async function soundPackets(session: Session): Promise<number> {
  const reports = await (session.connection as RTCPeerConnection | null)?.getStats();
  let packets = 0;
  reports?.forEach((one: { type: string; packetsReceived?: number }) => {
    if (one.type === "inbound-rtp") packets += one.packetsReceived ?? 0;
  });
  return packets;
}
