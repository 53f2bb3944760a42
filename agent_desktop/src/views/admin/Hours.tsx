// Opening hours: the week, holidays, special days, and whether it is open now with the hours as they stand in the form.

import { useEffect, useState } from "preact/hooks";
import { request } from "../../api";
import { date, day as dayTime, inLanguage, t, word } from "../../i18n";
import type { CalendarItem, Calendars, ErrorBody, Outlook } from "../../protocol";
import { wrongByField } from "../../wrong";
import { Icon } from "../Icon";
import { sure } from "./Ask";
import { Conflict } from "./Conflict";
import { bodyOf, calendars, differing, dirty, draftOf, drafts, mayLeave, refused, same, setDraft, unsaved, withValue, type Draft, type Item } from "./model";
import { Saved, Trouble, useDirty } from "./Parts";
import { isInverted, Spans } from "./Spans";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const NEW = "";
const LOOK_MS = 400;
const BLANK: Item = { name: "", weekly: Object.fromEntries(DAYS.slice(0, 5).map((one) => [one, ["08:30-17:30"]])), holidays: "cn", on_holiday: [], make_up_as: "mon", dates: {}, emergency: true };

/** A form's item carries its name; the server's does not. */
const itemOf = (name: string, item: CalendarItem): Item => ({ name, ...item });

export function Hours() {
  const [chosen, choose] = useState<string | null>(null);
  const all = calendars.value?.calendars ?? {};
  const open = async (name: string) => {
    if (name !== chosen && (await mayLeave())) choose(name);
  };
  const known = chosen === null ? undefined : all[chosen];
  return (
    <div class="admin-parts narrow">
      <div class="card admin-index">
        <div class="controls admin-find"><button type="button" class="primary" onClick={() => void open(NEW)} data-test="new"><Icon name="plus" />{t("admin.new")}</button></div>
        <ul class="admin-list scroll">
          {Object.keys(all).map((name) => (
            <li key={name}><button type="button" aria-current={chosen === name ? "true" : undefined} onClick={() => void open(name)} data-test={`hours-${name}`}><strong>{name}</strong>{unsaved(`hours/${name}`) && <em>{t("admin.draft")}</em>}</button></li>
          ))}
        </ul>
      </div>
      {chosen === null ? <div class="card admin-empty"><p>{t("admin.about.hours")}</p><p class="dim">{t("admin.choose")}</p></div> : <HoursForm key={chosen} name={chosen} known={known} choose={choose} />}
    </div>
  );
}

function HoursForm(props: { name: string; known: CalendarItem | undefined; choose: (name: string | null) => void }) {
  const key = `hours/${props.name}`;
  const part = props.known ? { item: itemOf(props.name, props.known), seen: calendars.value?.seen ?? "" } : null;
  const fresh = { ...draftOf(part, BLANK), seen: calendars.value?.seen ?? null };
  const draft = drafts.value.get(key) ?? fresh;
  const item = draft.item as unknown as CalendarItem & { name: string };
  const [overnight, setOvernight] = useState<ReadonlySet<string>>(() => inverted(item));
  const isChanged = !draft.saved && differing(draft.base, draft.item).length > 0;
  useDirty(key, isChanged, () => setDraft(key, null));
  const change = (path: string, value: unknown) => setDraft(key, { ...draft, item: withValue(draft.item, path, value), fields: {}, saved: false });
  const put = (next: Item) => setDraft(key, { ...draft, item: next, fields: {}, saved: false });
  const allow = (place: string, isAllowed: boolean) => setOvernight(new Set(isAllowed ? [...overnight, place] : [...overnight].filter((one) => one !== place)));
  const isUnsaid = [...inverted(item)].some((place) => !overnight.has(place));
  const submit = async (now: Draft = draft): Promise<void> => {
    if (isUnsaid) return;
    try {
      const { name, ...sent } = now.item;
      calendars.value = await request<Calendars>("POST", `/admin/calendars/${encodeURIComponent(String(name) || "-")}`, { item: sent, seen: now.seen });
      const saved = calendars.value.calendars[String(name)];
      setDraft(key, null);
      if (saved) setDraft(`hours/${String(name)}`, { ...draftOf({ item: itemOf(String(name), saved), seen: calendars.value.seen ?? "" }, {}), saved: true });
      dirty.value = null;
      props.choose(String(name));
    } catch (error) {
      await resolve(now, bodyOf(error));
    }
  };
  /** All opening hours stand in one file: a change of others beside these is no conflict. */
  const resolve = async (now: Draft, trouble: ErrorBody): Promise<void> => {
    setDraft(key, refused(now, trouble));
    if (trouble.code !== "conflict" || trouble.details["reason"] !== "changed") return;
    calendars.value = await request<Calendars>("GET", "/admin/calendars");
    const [seen, theirs] = [calendars.value.seen ?? null, calendars.value.calendars[props.name]];
    if (theirs === undefined || same(itemOf(props.name, theirs), now.base)) return submit({ ...now, seen });
    const { by, at } = trouble.details as { by?: string; at?: number | null };
    setDraft(key, { ...now, trouble, saved: false, theirs: { part: { item: itemOf(props.name, theirs), seen: seen ?? "" }, by: by ?? "", at: at ?? null } });
  };
  const gone = async () => {
    if (!(await sure("admin.sure", "admin.remove"))) return;
    try {
      calendars.value = await request<Calendars>("DELETE", `/admin/calendars/${encodeURIComponent(props.name)}?seen=${calendars.value?.seen ?? ""}`);
      setDraft(key, null);
      props.choose(null);
    } catch (error) {
      setDraft(key, refused(draft, bodyOf(error)));
    }
  };
  const wrong = (name: string) => Object.entries(draft.fields).find(([field]) => field === name || field.startsWith(`${name}.`))?.[1];
  const spans = (name: string, label: string, found: string[], set: (next: string[]) => void) => <Spans name={name} label={label} spans={found} change={set} error={wrong(name) ?? wrong(`weekly.${name}`)} overnight={overnight} allow={allow} />;
  return (
    <form class="card admin-form" onSubmit={(event) => { event.preventDefault(); void submit(); }} data-test="form">
      <h2>{props.name || t("admin.new")}</h2>
      <div class="scroll admin-hours">
        <div class="admin-looks">
          {draft.theirs !== null ? <Conflict draft={draft} theirs={draft.theirs} form="hours" change={(next) => setDraft(key, next)} /> : draft.trouble && <Trouble draft={draft} />}
          <Looks item={item} />
        </div>
        {part === null && <label class="admin-field">{t("admin.hours.name")}<input value={item.name} maxLength={40} onInput={(event) => change("name", event.currentTarget.value.trim())} data-test="hours-name" />{wrong("key") && <span class="bad" role="alert">{wrong("key")}</span>}</label>}
        <fieldset>
          <legend>{t("admin.hours.week")}</legend>
          {DAYS.map((one) => <div class="admin-day" key={one}><span>{word("admin.day", one)}</span>{spans(one, word("admin.day", one), item.weekly[one] ?? [], (next) => change(`weekly.${one}`, next.length > 0 ? next : undefined))}</div>)}
          <button type="button" class="small" onClick={() => put({ ...draft.item, weekly: { ...item.weekly, ...Object.fromEntries(DAYS.slice(1, 5).map((one) => [one, item.weekly["mon"] ?? []])) } })}>{t("admin.hours.like_monday")}</button>
        </fieldset>
        <fieldset>
          <legend>{t("admin.hours.holidays")}</legend>
          <div class="admin-fields">
            <label class="admin-field">{t("admin.hours.holidays")}
              <select value={item.holidays} onChange={(event) => change("holidays", event.currentTarget.value)} data-test="holidays"><option value="cn">{t("admin.hours.cn")}</option><option value="none">{t("admin.none")}</option></select>
            </label>
            <label class="admin-field">{t("admin.hours.make_up_as")}
              <select value={item.make_up_as} onChange={(event) => change("make_up_as", event.currentTarget.value)}>{DAYS.map((one) => <option key={one} value={one}>{word("admin.day", one)}</option>)}</select>
            </label>
          </div>
          <div class="admin-day"><span>{t("admin.hours.on_holiday")}</span>{spans("on_holiday", t("admin.hours.on_holiday"), item.on_holiday, (next) => change("on_holiday", next))}</div>
        </fieldset>
        <fieldset>
          <legend>{t("admin.hours.dates")}</legend>
          {Object.entries(item.dates).sort().map(([date, found]) => (
            <div class="admin-day" key={date}>
              <span class="controls">
                <input type="date" value={date} aria-label={t("admin.hours.dates")} onChange={(event) => { const next = event.currentTarget.value; if (next && !(next in item.dates)) put(withValue(withValue(draft.item, `dates.${date}`, undefined), `dates.${next}`, found)); }} />
                <button type="button" class="quiet small" aria-label={`${t("admin.remove")} ${date}`} onClick={() => change(`dates.${date}`, undefined)}><Icon name="close" /></button>
              </span>
              {spans(`dates.${date}`, date, found, (next) => change(`dates.${date}`, next))}
            </div>
          ))}
          <button type="button" class="small" onClick={() => change(`dates.${freeDate(item.dates)}`, [])} data-test="add-date"><Icon name="plus" />{t("admin.hours.add_date")}</button>
        </fieldset>
        <label class="admin-inline"><input type="checkbox" checked={item.emergency} onChange={(event) => change("emergency", event.currentTarget.checked)} />{t("admin.hours.emergency")}</label>
      </div>
      <div class="controls admin-actions">
        <button type="submit" class="primary" disabled={isUnsaid} data-test="save"><Icon name="check" />{t("admin.save")}</button>
        {isChanged && <button type="button" onClick={() => setDraft(key, null)} data-test="discard">{t("admin.discard")}</button>}
        <Saved isSaved={draft.saved} isChanged={isChanged} />
        <span class="grow" />
        {part !== null && <button type="button" class="danger" onClick={() => void gone()} data-test="remove">{t("admin.remove")}</button>}
      </div>
    </form>
  );
}

/** Open now? What changes next? Which days are special? With the hours as they stand in the form. */
function Looks({ item }: { item: CalendarItem }) {
  const [found, setFound] = useState<Outlook | null>(null);
  const [wrong, setWrong] = useState<string>("");
  const text = JSON.stringify({ ...item, name: undefined });
  useEffect(() => {
    let isStale = false;
    const timer = setTimeout(() => {
      void request<Outlook>("POST", "/admin/opening-hours", { item: JSON.parse(text) as unknown }).then(
        (next) => { if (!isStale) { setFound(next); setWrong(""); } },
        (error: unknown) => { if (!isStale) { setFound(null); setWrong(Object.values(wrongByField(bodyOf(error))).join("; ")); } },
      );
    }, LOOK_MS);
    return () => { isStale = true; clearTimeout(timer); };
  }, [text]);
  if (found === null) return wrong ? <p class="bad" role="alert" data-test="looks-wrong">{wrong}</p> : null;
  const next = found.open ? found.until : found.opens_at;
  return (
    <>
      <p class={found.open ? "admin-open" : "admin-open closed"} role="status" data-test="looks">
        <strong>{t(found.open ? "admin.hours.open_now" : "admin.hours.closed_now")}</strong> {next === null ? t("admin.hours.no_change") : `${t(found.open ? "admin.hours.until" : "admin.hours.opens")} ${dayTime(next)}`}
      </p>
      {!found.holidays_known && <p class="dim">{t("admin.hours.not_known")}</p>}
      {found.days.length > 0 && (
        <details class="admin-special" data-test="special-days">
          <summary>{t("admin.hours.special")} ({found.days.length})</summary>
          <ul>{found.days.map((one) => <li key={one.day}><time>{date(one.day, "full")}</time> <strong>{inLanguage(one.name)}</strong> <span class="dim">{word("admin.reason", one.reason)}</span> {one.hours.join(", ") || t("admin.hours.closed")}</li>)}</ul>
        </details>
      )}
    </>
  );
}

function inverted(item: CalendarItem): Set<string> {
  const lists: [string, string[]][] = [...Object.entries(item.weekly), ["on_holiday", item.on_holiday], ...Object.entries(item.dates).map(([one, found]) => [`dates.${one}`, found] as [string, string[]])];
  return new Set(lists.flatMap(([name, spans]) => spans.flatMap((span, place) => (isInverted(span) ? [`${name}/${place}`] : []))));
}

function freeDate(dates: Record<string, unknown>): string {
  const one = new Date();
  do one.setDate(one.getDate() + 1); while (one.toISOString().slice(0, 10) in dates);
  return one.toISOString().slice(0, 10);
}
