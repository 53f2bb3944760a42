// The live connection: commands out, events and state in. It reconnects for ever and resumes after the last event it saw.
//
// States: connecting → live → away → connecting …; `signed_out` ends it. Only `live` means that what is shown is true.

import { signal } from "@preact/signals";
import { CLOSE, type BoardRows, type Commands, type ErrorBody, type LiveEvent, type Me, type Pop, type Reset, type LiveState } from "./protocol";

export type Connection = "connecting" | "live" | "away" | "signed_out";

export interface Handlers {
  state(state: LiveState, reset: boolean): void;
  me(me: Me): void;
  rows(rows: BoardRows): void;
  pop(pop: Pop | null): void;
  popError(error: ErrorBody): void;
  event(event: LiveEvent): void;
}

type Message =
  | { id: number | null; ok: unknown }
  | { id: number | null; error: ErrorBody }
  | LiveEvent
  | { state: LiveState }
  | { reset: Reset }
  | { me: Me }
  | { rows: BoardRows }
  | { pop: Pop | null }
  | { pop_error: ErrorBody };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: CommandError): void;
}

export class CommandError extends Error {
  constructor(readonly body: ErrorBody) {
    super(body.message);
  }
}

const PING_MS = 5_000;
const SILENCE_MS = 12_000;
/** A network that swallows packets would keep a question waiting for minutes, also after it is back. */
const ASK_MS = 4_000;
const FIRST_RETRY_MS = 300;
const LAST_RETRY_MS = 4_000;
const LOST: ErrorBody = { code: "connection_lost", message: "the connection was lost before the answer came", details: {} };

export const connection = signal<Connection>("connecting");
/** Server clock minus ours, in milliseconds. */
export const clockOffset = signal(0);

export class Live {
  private socket: WebSocket | null = null;
  private lastEvent: number | null = null;
  private nextId = 1;
  private readonly waiting = new Map<number, Waiting>();
  private retryMs = FIRST_RETRY_MS;
  private heardAt = 0;
  private pinger: ReturnType<typeof setInterval> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;

  constructor(private readonly handlers: Handlers) {}

  start(): void {
    connection.value = "connecting";
    this.pinger = setInterval(() => this.beat(), PING_MS);
    addEventListener("online", this.hurry);
    this.open();
  }

  stop(): void {
    this.stopped = true;
    removeEventListener("online", this.hurry);
    clearInterval(this.pinger);
    clearTimeout(this.retry);
    this.socket?.close();
    this.drop();
  }

  /** Resolves with the answer; rejects with CommandError, also when the connection is away. */
  send<Name extends keyof Commands>(name: Name, args: Commands[Name]): Promise<unknown> {
    const socket = this.socket;
    if (socket === null || socket.readyState !== WebSocket.OPEN) return Promise.reject(new CommandError(LOST));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ id, do: name, args }));
    });
  }

  private open(): void {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/live`);
    this.socket = socket;
    this.heardAt = Date.now();
    socket.onopen = () => void this.send("resume", { after: this.lastEvent }).catch(() => socket.close());
    socket.onmessage = (message) => this.receive(String(message.data));
    socket.onclose = (closed) => this.closed(socket, closed.code);
  }

  private closed(socket: WebSocket, code: number): void {
    if (socket !== this.socket || this.stopped) return;
    this.drop();
    if (code === CLOSE.SIGNED_OUT) {
      connection.value = "signed_out";
      this.stop();
      return;
    }
    connection.value = "away";
    this.retry = setTimeout(() => void this.reopen(), this.retryMs * (0.7 + 0.6 * Math.random()));
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }

  /** A browser does not tell why an upgrade was refused, so ask first whether we are still signed in. */
  private async reopen(): Promise<void> {
    clearTimeout(this.retry);
    this.retry = undefined;
    const limit = AbortSignal.timeout(ASK_MS);
    const status = await fetch("/api/v1/session", { signal: limit }).then((answer) => answer.status, () => 0);
    if (this.stopped || this.socket !== null) return;
    if (status === 401) {
      connection.value = "signed_out";
      this.stop();
    } else {
      this.open();
    }
  }

  /** The network is back: whoever waits for his next try makes it now. */
  private readonly hurry = (): void => {
    this.retryMs = FIRST_RETRY_MS;
    if (this.retry !== undefined) void this.reopen();
  };

  private drop(): void {
    this.socket = null;
    for (const one of this.waiting.values()) one.reject(new CommandError(LOST));
    this.waiting.clear();
  }

  private beat(): void {
    const socket = this.socket;
    if (socket === null) return;
    if (Date.now() - this.heardAt > SILENCE_MS) {
      socket.onclose = null;
      socket.close();
      this.closed(socket, 1006);
      return;
    }
    if (socket.readyState === WebSocket.OPEN) {
      void this.send("ping", {}).then((answer) => this.setClock((answer as { now: number }).now), () => undefined);
    }
  }

  private setClock(nowMicros: number): void {
    clockOffset.value = nowMicros / 1000 - Date.now();
  }

  private receive(text: string): void {
    this.heardAt = Date.now();
    const parsed = JSON.parse(text) as Message | Message[];
    for (const message of Array.isArray(parsed) ? parsed : [parsed]) this.take(message);
  }

  private take(message: Message): void {
    if ("event" in message) {
      this.lastEvent = message.event;
      this.handlers.event(message);
    } else if ("state" in message) this.resumed(message.state, false);
    else if ("reset" in message) this.resumed(message.reset, true);
    else if ("me" in message) this.handlers.me(message.me);
    else if ("rows" in message) this.handlers.rows(message.rows);
    else if ("pop" in message) this.handlers.pop(message.pop);
    else if ("pop_error" in message) this.handlers.popError(message.pop_error);
    else this.answered(message);
  }

  private resumed(state: LiveState, reset: boolean): void {
    this.lastEvent = state.last;
    this.retryMs = FIRST_RETRY_MS;
    this.setClock(state.now);
    this.handlers.state(state, reset);
    connection.value = "live";
  }

  private answered(message: { id: number | null; ok: unknown } | { id: number | null; error: ErrorBody }): void {
    if (message.id === null) return;
    const one = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if ("error" in message) one?.reject(new CommandError(message.error));
    else one?.resolve(message.ok);
  }
}
