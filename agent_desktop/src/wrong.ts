// What is wrong with what was entered, by the server's code, in the page's language.

import { language } from "./i18n";
import { WRONG, type ErrorBody } from "./protocol";
import { wrongZh } from "./words/wrong.zh";

export interface Wrong {
  code: string;
  values: Record<string, string>;
}

/** `fallback` is the server's English sentence, for a code this page does not know yet. */
export function wrongText(wrong: Wrong | undefined, fallback: string): string {
  if (wrong === undefined) return fallback;
  const sentences: Partial<Record<string, string>> = language.value === "en" ? WRONG : wrongZh;
  return sentences[wrong.code]?.replace(/\{(\w+)\}/g, (whole, name: string) => wrong.values[name] ?? whole) ?? fallback;
}

/** Field → what is wrong with it. */
export function wrongByField(error: ErrorBody | null): Record<string, string> {
  const { fields, wrong } = (error?.details ?? {}) as { fields?: Record<string, string>; wrong?: Record<string, Wrong> };
  if (typeof fields !== "object" || fields === null) return {};
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, wrongText(wrong?.[name], text)]));
}

/** Why the whole was refused, where the server says more than its code does. */
export function why(error: ErrorBody): string {
  const { why: reason } = error.details as { why?: Wrong };
  return reason ? wrongText(reason, error.message) : "";
}
