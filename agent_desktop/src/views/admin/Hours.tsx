import { useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { t, word } from "../../i18n";
import type { CalendarItem, Calendars, ErrorBody } from "../../protocol";
import { bodyOf, calendars } from "./model";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const BLANK: CalendarItem = { weekly: {}, holidays: "cn", on_holiday: [], make_up_as: "mon", dates: {}, emergency: true };

const spans = (text: string): string[] => text.split(/[\s,，]+/).filter(Boolean);

/** `2026-10-01 09:00-12:00`, a line a date; a date alone is closed. */
function dated(text: string): Record<string, string[]> {
  const rows = text.split("\n").map((line) => line.trim().split(/[\s,，]+/)).filter(([date]) => date);
  return Object.fromEntries(rows.map(([date = "", ...hours]) => [date, hours]));
}

function writeDates(dates: Record<string, string[]>): string {
  return Object.entries(dates).map(([date, hours]) => [date, ...hours].join(" ")).join("\n");
}

/** Opening hours and holidays. */
export function Hours() {
  const [chosen, choose] = useState<string | null>(null);
  const all = calendars.value?.calendars ?? {};
  return (
    <div class="admin-parts">
      <div class="card scroll">
        <button type="button" class="primary" onClick={() => choose("")}>{t("admin.new")}</button>
        <ul class="admin-list">
          {Object.keys(all).map((name) => <li key={name}><button type="button" aria-current={chosen === name ? "true" : undefined} onClick={() => choose(name)} data-test={`hours-${name}`}>{name}</button></li>)}
        </ul>
      </div>
      {chosen !== null && <HoursForm key={chosen} name={chosen} known={all[chosen] ?? null} done={choose} />}
    </div>
  );
}

function HoursForm(props: { name: string; known: CalendarItem | null; done: (name: string | null) => void }) {
  const before = props.known ?? BLANK;
  const [name, setName] = useState(props.name);
  const [weekly, setWeekly] = useState(Object.fromEntries(DAYS.map((day) => [day, (before.weekly[day] ?? []).join(" ")])));
  const [onHoliday, setOnHoliday] = useState(before.on_holiday.join(" "));
  const [dates, setDates] = useState(writeDates(before.dates));
  const [rest, setRest] = useState(before);
  const [seen, setSeen] = useState(calendars.value?.seen ?? null);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const [saved, setSaved] = useState(false);
  const send = async (work: () => Promise<Calendars>): Promise<boolean> => {
    try {
      calendars.value = await work();
      setSeen(calendars.value.seen);
      setTrouble(null);
      setSaved(true);
      return true;
    } catch (error) {
      setTrouble(bodyOf(error));
      setSaved(false);
      return false;
    }
  };
  const submit = () => {
    const week = Object.fromEntries(DAYS.map((day) => [day, spans(weekly[day] ?? "")] as const).filter(([, hours]) => hours.length > 0));
    const item = { ...rest, weekly: week, on_holiday: spans(onHoliday), dates: dated(dates) };
    void send(() => request<Calendars>("POST", `/admin/calendars/${encodeURIComponent(name)}`, { item, seen }));
  };
  const remove = async () => {
    if (confirm(t("admin.sure")) && (await send(() => request<Calendars>("DELETE", `/admin/calendars/${encodeURIComponent(name)}?seen=${seen ?? ""}`)))) props.done(null);
  };
  return (
    <form class="card scroll admin-form" onSubmit={(event) => { event.preventDefault(); submit(); }} onInput={() => setSaved(false)}>
      {trouble && <p class="warn" role="alert" data-test="trouble">{errorText(trouble)} {trouble.message}</p>}
      {saved && <p class="good" role="status" data-test="saved">{t("admin.saved")}</p>}
      <label>{t("admin.hours.name")}<input value={name} disabled={props.known !== null} onInput={(event) => setName(event.currentTarget.value)} /></label>
      <p class="dim">{t("admin.hours.hint")}</p>
      {DAYS.map((day) => <label key={day} class="admin-day">{word("admin.day", day)}<input value={weekly[day]} onInput={(event) => setWeekly({ ...weekly, [day]: event.currentTarget.value })} data-test={`day-${day}`} /></label>)}
      <label>{t("admin.hours.holidays")}
        <select value={rest.holidays} onChange={(event) => setRest({ ...rest, holidays: event.currentTarget.value === "cn" ? "cn" : "none" })}>
          <option value="cn">{t("admin.hours.cn")}</option><option value="none">{t("admin.none")}</option>
        </select>
      </label>
      <label>{t("admin.hours.on_holiday")}<input value={onHoliday} onInput={(event) => setOnHoliday(event.currentTarget.value)} /></label>
      <label>{t("admin.hours.make_up_as")}
        <select value={rest.make_up_as} onChange={(event) => setRest({ ...rest, make_up_as: event.currentTarget.value })}>{DAYS.map((day) => <option key={day} value={day}>{word("admin.day", day)}</option>)}</select>
      </label>
      <label>{t("admin.hours.dates")}<textarea rows={6} value={dates} onInput={(event) => setDates(event.currentTarget.value)} /></label>
      <label class="admin-inline"><input type="checkbox" checked={rest.emergency} onChange={(event) => setRest({ ...rest, emergency: event.currentTarget.checked })} />{t("admin.hours.emergency")}</label>
      <div class="controls row admin-actions">
        <button type="submit" class="primary" data-test="save">{t("admin.save")}</button>
        {trouble?.code === "conflict" && <button type="button" onClick={() => { const now = (trouble.details as { now?: { seen: string } | null }).now; setSeen(now?.seen ?? null); setTrouble(null); }}>{t("admin.keep_mine")}</button>}
        {props.known !== null && <button type="button" class="danger" onClick={() => void remove()}>{t("admin.remove")}</button>}
      </div>
    </form>
  );
}
