// A phone without a switch, for tests: it does what it is told and says what it did.

import type { SipAccount } from "../protocol";
import type { Fault, Line, PhoneEvents, Softphone } from "./types";

export class FakeSoftphone implements Softphone {
  account: SipAccount | null = null;
  readonly pressed: string[] = [];
  devicesTaken = 0;
  private calls: Line[] = [];
  private next = 1;

  constructor(private readonly events: PhoneEvents) {}

  start(account: SipAccount): void {
    this.account = account;
    this.events.registration("registered");
  }

  stop(): void {
    this.account = null;
    this.set([]);
    this.events.registration("off");
  }

  /** Somebody calls. */
  ring(peer: string, callId: string | null = null): string {
    return this.add({ direction: "in", state: "ringing", peer, callId });
  }

  /** The other side has hung up. */
  gone(id: string): void {
    this.set(this.calls.filter((line) => line.id !== id));
  }

  call(number: string): void {
    this.add({ direction: "out", state: "dialling", peer: number, callId: null });
  }

  answer(id: string): void {
    this.change(id, { state: "talking" });
  }

  hangUp(id: string): void {
    this.gone(id);
  }

  mute(id: string, on: boolean): void {
    this.change(id, { muted: on });
  }

  hold(id: string, on: boolean): void {
    this.change(id, { held: on });
  }

  press(_: string, keys: string): void {
    this.pressed.push(keys);
  }

  useDevices(): void {
    this.devicesTaken++;
  }

  /** Something goes wrong, and is well again. */
  fail(fault: Fault): void {
    this.events.fault(fault);
  }

  mend(fault: Fault): void {
    this.events.mended(fault);
  }

  private add(line: Pick<Line, "direction" | "state" | "peer" | "callId">): string {
    const id = String(this.next++);
    this.set([...this.calls, { id, muted: false, held: false, ...line }]);
    return id;
  }

  private change(id: string, change: Partial<Line>): void {
    this.set(this.calls.map((line) => (line.id === id ? { ...line, ...change } : line)));
  }

  private set(lines: Line[]): void {
    this.calls = lines;
    this.events.lines(lines);
  }
}
