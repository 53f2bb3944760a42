// Two languages, switched at once. `t` reads a signal, so every component that shows a word follows the switch.

import { effect, signal } from "@preact/signals";
import { en } from "./words.en";
import { zh, type Words } from "./words.zh";

export type Language = "zh-CN" | "en";
export type Key = keyof Words;

const KEPT = "cti.language";
const WORDS: Record<Language, Words> = { "zh-CN": zh, en };

export const language = signal<Language>(first());

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "zh-CN" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export function t(key: Key): string {
  return WORDS[language.value][key];
}

/** The words of that name, if there are any. */
export function said(name: string): string | undefined {
  const words: Partial<Record<string, string>> = WORDS[language.value];
  return words[name];
}

/** Of words that come in both languages. */
export function inLanguage(words: { zh?: string; en?: string }): string {
  return (language.value === "en" ? words.en : words.zh) ?? "";
}

/** The word for a code the server sent, or the code itself when we have no word for it. */
export function word(prefix: string, code: string): string {
  return said(`${prefix}.${code}`) ?? code;
}

const numbers = { count: {}, percent: { style: "percent", maximumFractionDigits: 0 } } as const;
const formats = new Map<string, Intl.NumberFormat>();

/** Made once: making a format costs more than a row of figures. */
function number(value: number, kind: keyof typeof numbers): string {
  const key = `${kind} ${language.value}`;
  const known = formats.get(key) ?? new Intl.NumberFormat(language.value, numbers[kind]);
  formats.set(key, known);
  return known.format(value);
}

/** `1,204`. */
export function count(value: number): string {
  return number(value, "count");
}

/** Nothing to divide by is `–`, never 0 % or 100 %. */
export function percent(rate: number | null): string {
  return rate === null ? "–" : number(rate, "percent");
}

export function money(fen: number): string {
  return new Intl.NumberFormat(language.value, { style: "currency", currency: "CNY", currencyDisplay: "narrowSymbol" }).format(fen / 100);
}

export function time(micros: number): string {
  return new Date(micros / 1000).toLocaleTimeString(language.value, { hour12: false });
}

export function day(micros: number): string {
  return new Date(micros / 1000).toLocaleString(language.value, { dateStyle: "medium", timeStyle: "short" });
}

/** `3:07`, `1:02:09`; never negative. */
export function span(micros: number): string {
  const seconds = Math.max(0, Math.floor(micros / 1_000_000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = String(seconds % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

effect(() => {
  document.documentElement.lang = language.value;
  localStorage.setItem(KEPT, language.value);
});
