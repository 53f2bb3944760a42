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

// ---- moments, amounts, shares: one form each, everywhere on the page. Hours run from 00 to 23 in both languages. ------------------

const made = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat>();

/** Making a format costs more than using it a hundred times. */
function format<Made extends Intl.DateTimeFormat | Intl.NumberFormat>(name: string, make: (language: Language) => Made): Made {
  const key = `${name} ${language.value}`;
  if (!made.has(key)) made.set(key, make(language.value));
  return made.get(key) as Made;
}

function dates(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return format(name, (of) => new Intl.DateTimeFormat(of, { hourCycle: "h23", ...options }));
}

/** ¥128.50, from fen. */
export function money(fen: number): string {
  return format("money", (of) => new Intl.NumberFormat(of, { style: "currency", currency: "CNY", currencyDisplay: "narrowSymbol" })).format(fen / 100);
}

/** `1,204`. */
export function count(value: number): string {
  return format("count", (of) => new Intl.NumberFormat(of)).format(value);
}

/** 0.873 → `87%`; nothing to divide by is `–`, never 0 % or 100 %. */
export function percent(rate: number | null): string {
  return rate === null ? "–" : format("percent", (of) => new Intl.NumberFormat(of, { style: "percent", maximumFractionDigits: 0 })).format(rate);
}

/** The local day a moment is in, counted; it changes at midnight, and everything that says "today" with it. */
const thisDay = signal(dayNumber(new Date()));
setInterval(() => (thisDay.value = dayNumber(new Date())), 15_000);

function dayNumber(at: Date): number {
  return Math.round(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / 86_400_000);
}

/** `14:05:09` */
export function time(micros: number): string {
  return dates("time", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(micros / 1000);
}

/** `today 14:05`, `yesterday 14:05`, `Nov 20, 14:05`; with the year when it is another. */
export function day(micros: number): string {
  const at = new Date(micros / 1000);
  return `${dayOnly(at)}${dates("clock", { hour: "2-digit", minute: "2-digit" }).format(at)}`;
}

function dayOnly(at: Date): string {
  const away = ["yesterday", "today", "tomorrow"][dayNumber(at) - thisDay.value + 1];
  if (away !== undefined) return `${t(`day.${away}` as Key)} `;
  const year = at.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" as const };
  return `${dates("year" in year ? "date" : "short", { month: "short", day: "numeric", ...year }).format(at)}${language.value === "en" ? ", " : " "}`;
}

/** The whole of it: `Nov 22, 2026, 14:05:09`. */
export function exact(micros: number): string {
  return dates("exact", { dateStyle: "medium", timeStyle: "medium" }).format(micros / 1000);
}

/** `2026-11-05`, a date without a time, as people here write it; with the day of the week when it is to be `full`. */
export function date(iso: string, dateStyle: "medium" | "full" = "medium"): string {
  const at = new Date(`${iso}T00:00:00`);
  return Number.isNaN(at.getTime()) ? iso : dates(dateStyle, { dateStyle }).format(at);
}

/** `2026-11-25` as a day to choose: `today`, `tomorrow`, `Wed, Nov 25`. */
export function dayName(iso: string): string {
  const at = new Date(`${iso}T00:00:00`);
  const near = ["today", "tomorrow"][dayNumber(at) - thisDay.value];
  return near === undefined ? dates("weekday", { weekday: "short", month: "short", day: "numeric" }).format(at) : t(`day.${near}` as Key);
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
