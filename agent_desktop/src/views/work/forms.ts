// What is typed into forms outlives a view, a reload and an expired session (kept.ts).

import { signal, untracked } from "@preact/signals";
import { keep, kept } from "./kept";

export type Form = Record<string, string>;

export class FormKeeper {
  readonly values;
  constructor(private readonly key: string, initial: Form) {
    this.values = signal<Form>({ ...initial, ...kept<Form>(key) });
  }
  set(name: string, value: string): void {
    this.values.value = { ...this.values.value, [name]: value };
    keep(this.key, this.values.value);
  }
  done(): void {
    keep(this.key, null);
    forms.value = without(forms.value, this.key);
  }
}

const forms = signal<ReadonlyMap<string, FormKeeper>>(new Map());

function without(map: ReadonlyMap<string, FormKeeper>, key: string): ReadonlyMap<string, FormKeeper> {
  return new Map([...map].filter(([one]) => one !== key));
}

/** The open form of that name about a call; null = not open. */
export function form(name: string, callId: string): FormKeeper | null {
  const key = `form.${name}.${callId}`;
  const open = forms.value.get(key);
  if (open !== undefined) return open;
  return kept<Form>(key) === null ? null : openForm(name, callId, {});
}

export function openForm(name: string, callId: string, initial: Form): FormKeeper {
  const key = `form.${name}.${callId}`;
  const opened = new FormKeeper(key, { request_id: uuid(), ...initial });
  keep(key, opened.values.value);
  untracked(() => queueMicrotask(() => (forms.value = new Map(forms.value).set(key, opened))));
  return opened;
}

function uuid(): string {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

export function forgetForms(): void {
  forms.value = new Map();
}
