import { useComputed } from "@preact/signals";
import { language, span, t } from "../../i18n";
import { queues } from "../../rows";
import { now, queueName } from "../../state";
import { Sparkline } from "./Sparkline";
import { filter, formula, FORMULAS, targets, urgency } from "./store";

export function QueueTable() {
  const heads = [t("agents_free"), t("ready_agents"), t("talking_agents"), t("offered"), t("answered"), t("abandoned"), t("abandoned_short"), t("unseen"), t("asa"), t("overflowed"), t("callbacks")];
  return (
    <section class="card scroll queue-card" data-test="board-queues" aria-label={t("queues")}>
      <table class="fixed">
        <thead>
          <tr>
            <th scope="col" class="wide">{t("queue")}</th>
            <th scope="col" class="number">{t("waiting")}</th>
            <th scope="col" class="number">{t("longest")}</th>
            {heads.map((name) => <th scope="col" class="number extra" key={name}>{name}</th>)}
            <th scope="col" class="number wide"><Formula /></th>
            <th scope="col" class="trend">{t("trend")}</th>
          </tr>
        </thead>
        <tbody>{queues.keys.value.map((name) => <QueueLine key={name} name={name} />)}</tbody>
      </table>
    </section>
  );
}

function Formula() {
  return (
    <select aria-label={t("service_level")} value={formula.value} data-test="formula"
      onChange={(event) => (formula.value = event.currentTarget.value as (typeof FORMULAS)[number])}>
      {FORMULAS.map((one) => <option key={one} value={one}>{t("service_level")} {one}</option>)}
    </select>
  );
}

/** Its name is a button: the agents and calls of this queue only. */
function QueueLine({ name }: { name: string }) {
  const row = queues.get(name);
  const longest = useComputed(() => {
    const since = row?.value.longest_since ?? null;
    return since === null ? "" : span(now.value - since);
  });
  const late = useComputed(() => {
    const since = row?.value.longest_since ?? null;
    return row === undefined || since === null ? "" : urgency(row.value, now.value - since);
  });
  if (row === undefined) return null;
  const queue = row.value;
  const counts = [
    queue.free, queue.ready, queue.talking, queue.offered, queue.answered, queue.abandoned, queue.abandoned_short, queue.unseen,
    queue.asa === null ? "–" : span(queue.asa), queue.overflowed, queue.callbacks,
  ];
  const on = filter.value.queue === name;
  return (
    <tr class={queue.alarms.length > 0 ? "alarm" : ""} data-test={`queue-${name}`}>
      <th scope="row">
        <button type="button" class="plain" aria-pressed={on} onClick={() => (filter.value = { ...filter.value, queue: on ? "" : name })} data-test="only-queue">{queueName(name)}</button>
      </th>
      <td class={`number ${queue.waiting > 0 ? "some" : ""}`} data-test="waiting">{queue.waiting}</td>
      <td class={`number ${late.value}`} data-test="longest">{late.value === "late" && <span aria-label={t("late")}>▲ </span>}{longest}</td>
      {counts.map((count, place) => <td class="number extra" key={place}>{count}</td>)}
      <Level name={name} level={queue.service_levels[formula.value] ?? null} />
      <td class="trend"><Sparkline queue={queue} /></td>
    </tr>
  );
}

/** Beside its target, when one is set: below it in colour and with a sign. */
function Level({ name, level }: { name: string; level: number | null }) {
  const target = targets.value.get(name) ?? 0;
  const low = target > 0 && level !== null && level * 100 < target;
  return (
    <td class={`number ${low ? "late" : ""}`}>
      {low && <span aria-label={t("below_target")}>▼ </span>}
      <span data-test="level">{percent(level)}</span>
      {target > 0 && <span class="dim"> / {percent(target / 100)}</span>}
    </td>
  );
}

/** Nothing to divide by is `–`, never 0 % or 100 %. */
export function percent(rate: number | null): string {
  if (rate === null) return "–";
  return new Intl.NumberFormat(language.value, { style: "percent", maximumFractionDigits: 0 }).format(rate);
}
