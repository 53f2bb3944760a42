// The live board as rows: one signal a row, so that a change of one touches what shows that row and nothing else.
//
// The server sends a whole board when the page joins, then rows as they change; both are absolute and come in order.

import { batch, computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { AgentRow, Board, BoardCall, BoardRows, Counts, QueueRow } from "./protocol";

/** Told of each row before and after it changed; undefined = there was or is none. */
type Keeper<Row> = (before: Row | undefined, after: Row | undefined) => void;

/** Rows of one kind. `keys` changes only when a row comes or goes. */
export class Rows<Row> {
  readonly keys = signal<readonly string[]>([]);
  /** For figures of all rows, so that a change costs the same however many rows there are. */
  readonly keepers: Keeper<Row>[] = [];
  private readonly rows = new Map<string, Signal<Row>>();

  constructor(private readonly keyOf: (row: Row) => string) {}

  get(key: string): Signal<Row> | undefined {
    return this.rows.get(key);
  }

  /** All rows as they are now; whoever reads this follows every change. */
  all(): Row[] {
    return this.keys.value.flatMap((key) => this.rows.get(key)?.value ?? []);
  }

  replace(rows: readonly Row[]): void {
    const kept = new Set(rows.map(this.keyOf));
    this.change(rows, [...this.rows.keys()].filter((key) => !kept.has(key)));
  }

  change(rows: readonly Row[], gone: readonly string[]): void {
    const known = this.rows.size;
    for (const row of rows) this.put(row);
    const left = gone.filter((key) => this.drop(key)).length;
    if (left > 0 || this.rows.size + left !== known) this.keys.value = [...this.rows.keys()];
  }

  private put(row: Row): void {
    const key = this.keyOf(row);
    const held = this.rows.get(key);
    for (const keep of this.keepers) keep(held?.peek(), row);
    if (held === undefined) this.rows.set(key, signal(row));
    else held.value = row;
  }

  private drop(key: string): boolean {
    for (const keep of this.keepers) keep(this.rows.get(key)?.peek(), undefined);
    return this.rows.delete(key);
  }
}

/** How many rows are of each class; a row may be of several. */
export class Tally<Row> {
  /** Classes that have rows, sorted. */
  readonly classes = signal<readonly string[]>([]);
  private readonly counts = new Map<string, Signal<number>>();

  constructor(rows: Rows<Row>, private readonly classesOf: (row: Row) => readonly string[]) {
    rows.keepers.push((before, after) => this.change(before, after));
  }

  count(name: string): number {
    return this.counter(name).value;
  }

  private change(before: Row | undefined, after: Row | undefined): void {
    const [left, joined] = [this.of(before), this.of(after)];
    for (const name of joined) if (!left.includes(name)) this.add(name, 1);
    for (const name of left) if (!joined.includes(name)) this.add(name, -1);
  }

  private of(row: Row | undefined): readonly string[] {
    return row === undefined ? [] : this.classesOf(row);
  }

  private add(name: string, more: number): void {
    const counter = this.counter(name);
    const before = counter.peek();
    counter.value = before + more;
    if (before === 0 || counter.peek() === 0) this.classes.value = [...this.counts].filter(([, one]) => one.peek() > 0).map(([key]) => key).sort();
  }

  private counter(name: string): Signal<number> {
    const known = this.counts.get(name) ?? signal(0);
    this.counts.set(name, known);
    return known;
  }
}

/** A figure added up over all rows. */
export function sum<Row>(rows: Rows<Row>, figure: (row: Row) => number): ReadonlySignal<number> {
  const total = signal(0);
  rows.keepers.push((before, after) => {
    total.value += (after === undefined ? 0 : figure(after)) - (before === undefined ? 0 : figure(before));
  });
  return total;
}

const NOBODY: Counts = {
  signed_in: 0, ready: 0, talking: 0, wrap_up: 0, paused: 0, calls: 0, offered: 0, answered: 0, abandoned: 0, service_levels: {},
};

export const queues = new Rows<QueueRow>((row) => row.name);
export const agents = new Rows<AgentRow>((row) => row.agent_id);
export const boardCalls = new Rows<BoardCall>((row) => row.call_id);
export const counts = signal<Counts>(NOBODY);
/** null = not told yet. */
export const switchLinked = signal<boolean | null>(null);
export const queueTitles = signal<ReadonlyMap<string, Record<string, string>>>(new Map());

/** The whole board, for those who show little of it. It changes with every row. */
export const board = computed<Board | null>(() =>
  switchLinked.value === null
    ? null
    : {
        at: 0,
        switch_linked: switchLinked.value,
        queues: queues.all(),
        agents: agents.all(),
        calls: boardCalls.all(),
        counts: counts.value,
      },
);

export function takeBoard(next: Board): void {
  batch(() => {
    queues.replace(next.queues);
    agents.replace(next.agents);
    boardCalls.replace(next.calls);
    counts.value = next.counts;
    switchLinked.value = next.switch_linked;
    queueTitles.value = new Map(next.queues.map((queue) => [queue.name, queue.title]));
  });
}

export function takeRows(next: BoardRows): void {
  const gone = (kind: string) => next.gone.filter((one) => one[0] === kind).map((one) => one[1]);
  batch(() => {
    queues.change(next.queues, gone("queue"));
    agents.change(next.agents, gone("agent"));
    boardCalls.change(next.calls, gone("call"));
    counts.value = next.counts;
    switchLinked.value = next.switch_linked;
  });
}

export function forgetBoard(): void {
  batch(() => {
    for (const rows of [queues, agents, boardCalls]) rows.replace([]);
    counts.value = NOBODY;
    switchLinked.value = null;
    queueTitles.value = new Map();
  });
}
