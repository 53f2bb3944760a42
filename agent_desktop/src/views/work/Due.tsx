// When something is due: a day and a time of the agent's own clock, kept as `2026-11-25T15:00`, sent as micros.

import { dayName, t } from "../../i18n";
import { CommandError } from "../../live";
import type { FormKeeper } from "./forms";

const DAYS_AHEAD = 14;
const HALF_HOURS = Array.from({ length: 48 }, (_, half) => `${two(Math.floor(half / 2))}:${half % 2 === 0 ? "00" : "30"}`);

function two(count: number): string {
  return String(count).padStart(2, "0");
}

function isoDay(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** As it stands in a form; '' = not due at any time. */
export function dueText(micros: number | null | undefined): string {
  if (micros == null) return "";
  const at = new Date(micros / 1000);
  return `${isoDay(at)}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** What is sent; null = not due at any time. A time is written as people do: 15:00, 1500, 9, 9：30. Throws what the form shows at the field. */
export function dueMicros(text: string | undefined): number | null {
  if (!text) return null;
  const [day = "", time = ""] = text.split("T");
  const [, hour, minute] = /^(\d{1,2})(?:[:：.]?(\d{2}))?$/.exec(time.normalize("NFKC").trim()) ?? [];
  const at = new Date(`${day}T${two(Number(hour))}:${minute ?? "00"}:00`);
  if (hour === undefined || Number.isNaN(at.getTime())) {
    throw new CommandError({ code: "invalid_value", message: "this is no time of day", details: { field: "due_at", reason: "bad_time" } });
  }
  return at.getTime() * 1000;
}

/** The next full half hour that is at least half an hour away; of another day its morning. */
function usual(day: string): string {
  const soon = new Date(Date.now() + 60 * 60_000);
  return day === isoDay(soon) ? `${two(soon.getHours())}:${soon.getMinutes() < 30 ? "00" : "30"}` : "09:00";
}

export function Due({ name, label, none, keeper, wrong }: { name: string; label: string; none: string; keeper: FormKeeper; wrong: boolean }) {
  const [day = "", time = ""] = (keeper.values.value[name] ?? "").split("T");
  const days = Array.from({ length: DAYS_AHEAD }, (_, ahead) => isoDay(new Date(new Date().setHours(12, 0, 0, 0) + ahead * 86_400_000)));
  const choose = (chosen: string) => keeper.set(name, chosen === "" ? "" : `${chosen}T${time || usual(chosen)}`);
  return (
    <fieldset class="due" data-test={`field-${name}`}>
      <legend>{label}{wrong && <span class="bad"> {t("field_wrong")}</span>}</legend>
      <select aria-label={t("due_day")} value={day} onChange={(event) => choose(event.currentTarget.value)} data-test={`${name}-day`}>
        <option value="">{none}</option>
        {(day === "" || days.includes(day) ? days : [day, ...days]).map((one) => <option key={one} value={one}>{dayName(one)}</option>)}
      </select>
      {day !== "" && (
        <input aria-label={t("due_time")} aria-invalid={wrong} value={time} maxLength={8} list="half-hours" placeholder="15:00" inputMode="numeric" required
          onInput={(event) => keeper.set(name, `${day}T${event.currentTarget.value}`)} data-test={`${name}-time`} />
      )}
      <datalist id="half-hours">{HALF_HOURS.map((one) => <option key={one} value={one} />)}</datalist>
    </fieldset>
  );
}
