// Hours of one day: from, to, and a bar that shows them.

import { t } from "../../i18n";
import { Icon } from "../Icon";

const DAY_MINUTES = 1440;

export function Spans(props: { name: string; label: string; spans: string[]; change: (spans: string[]) => void; error: string | undefined; overnight: ReadonlySet<string>; allow: (place: string, isAllowed: boolean) => void }) {
  const { name, spans } = props;
  const set = (place: number, from: string, to: string) => props.change(spans.map((one, at) => (at === place ? `${from}-${to}` : one)));
  const unsaid = spans.findIndex((span, place) => isInverted(span) && !props.overnight.has(`${name}/${place}`));
  const error = props.error ?? (unsaid >= 0 ? t("admin.hours.inverted") : undefined);
  return (
    <div class="admin-spans" role="group" aria-label={props.label} data-test={`day-${name}`}>
      <div class="controls">
        {spans.map((span, place) => {
          const [from = "", to = ""] = span.split("-");
          return (
            <span class="admin-span" key={place}>
              <input value={from} size={5} maxLength={5} placeholder="08:00" aria-label={`${props.label} ${t("admin.hours.from")}`} aria-invalid={error ? true : undefined} onInput={(event) => set(place, event.currentTarget.value, to)} />
              –
              <input value={to} size={5} maxLength={5} placeholder="20:00" aria-label={`${props.label} ${t("admin.hours.to")}`} aria-invalid={error ? true : undefined} onInput={(event) => set(place, from, event.currentTarget.value)} />
              {isInverted(span) && <label class="admin-inline"><input type="checkbox" checked={props.overnight.has(`${name}/${place}`)} onChange={(event) => props.allow(`${name}/${place}`, event.currentTarget.checked)} />{t("admin.hours.next_day")}</label>}
              <button type="button" class="quiet small" aria-label={`${t("admin.remove")} ${props.label} ${span}`} onClick={() => props.change(spans.filter((_, at) => at !== place))}><Icon name="close" /></button>
            </span>
          );
        })}
        {spans.length === 0 && <span class="dim">{t("admin.hours.closed")}</span>}
        <button type="button" class="quiet small" aria-label={`${t("admin.hours.add")} ${props.label}`} onClick={() => props.change([...spans, spans.length === 0 ? "08:00-18:00" : "19:00-21:00"])} data-test={`add-${name}`}><Icon name="plus" /></button>
      </div>
      <Bar spans={spans} />
      {error && <p class="bad" role="alert" data-test={`error-${name}`}>{error}</p>}
    </div>
  );
}

export function isInverted(span: string): boolean {
  const [from = "", to = ""] = span.split("-");
  return /^\d\d:\d\d$/.test(from) && /^\d\d:\d\d$/.test(to) && to <= from;
}

/** The day from midnight to midnight. */
function Bar({ spans }: { spans: string[] }) {
  const pieces = spans.flatMap((span) => {
    const [from, to] = span.split("-").map(minutes);
    if (from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to)) return [];
    return to > from ? [[from, to - from]] : [[from, DAY_MINUTES - from]];
  });
  return (
    <svg class="admin-bar" viewBox={`0 0 ${DAY_MINUTES} 60`} preserveAspectRatio="none" aria-hidden="true">
      {pieces.map(([x, width]) => <rect key={x} x={x} y="0" width={width} height="60" />)}
      {[360, 720, 1080].map((x) => <line key={x} x1={x} x2={x} y1="0" y2="60" />)}
    </svg>
  );
}

function minutes(clock: string): number {
  const [hour, minute] = clock.split(":").map(Number);
  return (hour ?? NaN) * 60 + (minute ?? NaN);
}
