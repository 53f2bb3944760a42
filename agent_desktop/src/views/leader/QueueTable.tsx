import { useComputed } from "@preact/signals";
import { count, percent, span, t } from "../../i18n";
import type { AlarmEntry, QueueRow } from "../../protocol";
import { queues } from "../../rows";
import { now, queueName } from "../../state";
import { Icon } from "../Icon";
import { Sparkline } from "./Sparkline";
import { filter, formula, FORMULAS, targets, urgency } from "./store";

type Words = Parameters<typeof t>[0];
/** Counts of today; those after `abandoned` are for the desk, the wall has no room for them. */
const TODAY: [Words, (queue: QueueRow) => number][] = [
  ["offered", (queue) => queue.offered],
  ["answered", (queue) => queue.answered],
  ["abandoned", (queue) => queue.abandoned],
  ["abandoned_short", (queue) => queue.abandoned_short],
  ["unseen", (queue) => queue.unseen],
  ["overflowed", (queue) => queue.overflowed],
  ["callbacks", (queue) => queue.callbacks],
];
const ON_WALL = 3;

function place(index: number): string {
  return `number ${index === 0 ? "first" : ""} ${index >= ON_WALL ? "extra" : ""}`;
}

export function QueueTable() {
  const names = queues.keys.value;
  return (
    <section class="card scroll queue-card" style={{ "--rows": String(names.length) }} data-test="board-queues" aria-label={t("queues")}>
      <table class="fixed">
        <thead>
          <tr>
            <th scope="col" class="name">{t("queue")}</th>
            <th scope="col" class="number">{t("waiting")}</th>
            <th scope="col" class="number longest">{t("longest")}</th>
            <th scope="col" class="number">{t("agents_free")}</th>
            <th scope="col" class="number extra">{t("ready_agents")}</th>
            <th scope="col" class="number">{t("talking_agents")}</th>
            {TODAY.map(([name], index) => <th scope="col" class={place(index)} key={name}>{t(name)}</th>)}
            <th scope="col" class="number extra">{t("asa")}</th>
            <th scope="col" class="number level"><Formula /></th>
            <th scope="col" class="trend">{t("trend")}</th>
          </tr>
        </thead>
        <tbody>{names.map((name) => <QueueLine key={name} name={name} />)}</tbody>
      </table>
    </section>
  );
}

function Formula() {
  return (
    <select aria-label={t("service_level")} title={t("service_level")} value={formula.value} data-test="formula"
      onChange={(event) => (formula.value = event.currentTarget.value as (typeof FORMULAS)[number])}>
      {FORMULAS.map((one) => <option key={one} value={one}>{t("level_short")} {one}</option>)}
    </select>
  );
}

/** Its name is a button: the agents and calls of this queue only. */
function QueueLine({ name }: { name: string }) {
  const row = queues.get(name);
  if (row === undefined) return null;
  const queue = row.value;
  const on = filter.value.queue === name;
  const alarmed = (kind: AlarmEntry["alarm"]) => (queue.alarms.includes(kind) ? "alarmed" : "");
  return (
    <tr class={queue.alarms.length > 0 ? "alarm" : ""} data-test={`queue-${name}`}>
      <th scope="row" title={queueName(name)}>
        <button type="button" class="plain" aria-pressed={on} onClick={() => (filter.value = { ...filter.value, queue: on ? "" : name })} data-test="only-queue">{queue.alarms.length > 0 && <Icon name="alert" />}<bdi class="short">{queueName(name)}</bdi></button>
      </th>
      <Count value={queue.waiting} tone={`${queue.waiting > 0 ? "some" : ""} ${alarmed("waiting")}`} test="waiting" />
      <Longest name={name} tone={alarmed("longest_wait")} />
      <Count value={queue.free} tone={queue.waiting > 0 && queue.free === 0 ? "soon" : ""} />
      <Count value={queue.ready} tone={`extra ${alarmed("agents_ready")}`} />
      <Count value={queue.talking} />
      {TODAY.map(([key, of], index) => <Count value={of(queue)} tone={place(index)} key={key} />)}
      <td class="number extra">{queue.asa === null ? <span class="nil">–</span> : span(queue.asa)}</td>
      <Level name={name} level={queue.service_levels[formula.value] ?? null} tone={alarmed("service_level")} />
      <td class="trend"><Sparkline queue={queue} /></td>
    </tr>
  );
}

/** What is nothing stands back, so that what is something is seen. */
function Count({ value, tone, test }: { value: number; tone?: string; test?: string }) {
  return <td class={`number ${tone ?? ""} ${value === 0 ? "nil" : ""}`} data-test={test}>{count(value)}</td>;
}

/** Its own part: it changes every second. */
function Longest({ name, tone }: { name: string; tone: string }) {
  const row = queues.get(name);
  const waited = useComputed(() => {
    const since = row?.value.longest_since ?? null;
    return since === null ? null : now.value - since;
  });
  const late = row === undefined || waited.value === null ? "" : urgency(row.value, waited.value);
  return (
    <td class={`number ${late} ${tone}`} data-test="longest">
      {late === "late" && <span aria-label={t("late")}>▲ </span>}{waited.value === null ? "" : span(waited.value)}
    </td>
  );
}

/** Beside its target, when one is set: below it in colour and with a sign. */
function Level({ name, level, tone }: { name: string; level: number | null; tone: string }) {
  const target = targets.value.get(name) ?? 0;
  const low = target > 0 && level !== null && level * 100 < target;
  const met = target > 0 && level !== null && !low;
  return (
    <td class={`number level ${low ? "late" : ""} ${met ? "met" : ""} ${tone}`}>
      {low && <span aria-label={t("below_target")}>▼ </span>}
      <span class={level === null ? "nil" : ""} data-test="level">{percent(level)}</span>
      {target > 0 && <span class="dim"> / {percent(target / 100)}</span>}
    </td>
  );
}
