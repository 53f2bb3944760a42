// How a moment, a date and a share are written in the language of the page.

import { language } from "../../i18n";

/** `2026-11-05`, a date without a time, as people here write it. */
export function date(iso: string): string {
  const at = new Date(`${iso}T00:00:00`);
  return Number.isNaN(at.getTime()) ? iso : at.toLocaleDateString(language.value, { dateStyle: "medium" });
}

/** 0.873 → `87%`. */
export function share(part: number): string {
  return new Intl.NumberFormat(language.value, { style: "percent", maximumFractionDigits: 0 }).format(part);
}
