import { useComputed } from "@preact/signals";
import { language, span, t } from "../../i18n";
import { queues } from "../../rows";
import { now, queueName } from "../../state";
import { formula, FORMULAS } from "./store";

export function QueueTable() {
  const heads = [
    t("waiting"), t("longest"), t("agents_free"), t("ready_agents"), t("talking_agents"), t("answered"), t("abandoned"),
    t("abandoned_short"), t("answer_rate"), t("asa"), t("overflowed"), t("callbacks"), t("unseen"),
  ];
  return (
    <section class="card scroll queue-card" data-test="board-queues" aria-label={t("queues")}>
      <table class="fixed">
        <thead>
          <tr>
            <th scope="col" class="wide">{t("queue")}</th>
            {heads.map((name) => <th scope="col" class="number" key={name}>{name}</th>)}
            <th scope="col" class="number wide"><Formula /></th>
          </tr>
        </thead>
        <tbody>{queues.keys.value.map((name) => <QueueRow key={name} name={name} />)}</tbody>
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

function QueueRow({ name }: { name: string }) {
  const row = queues.get(name);
  const longest = useComputed(() => {
    const since = row?.value.longest_since ?? null;
    return since === null ? "" : span(now.value - since);
  });
  if (row === undefined) return null;
  const queue = row.value;
  const counts = [
    queue.free, queue.ready, queue.talking, queue.answered, queue.abandoned, queue.abandoned_short,
    percent(queue.answer_rate), queue.asa === null ? "–" : span(queue.asa), queue.overflowed, queue.callbacks,
    queue.unseen,
  ];
  return (
    <tr class={queue.alarms.length > 0 ? "alarm" : ""} data-test={`queue-${name}`}>
      <th scope="row">{queueName(name)}</th>
      <td class={`number ${queue.waiting > 0 ? "some" : ""}`} data-test="waiting">{queue.waiting}</td>
      <td class="number">{longest}</td>
      {counts.map((count, place) => <td class="number" key={place}>{count}</td>)}
      <td class="number" data-test="level">{percent(queue.service_levels[formula.value] ?? null)}</td>
    </tr>
  );
}

/** Nothing to divide by is `–`, never 0 % or 100 %. */
function percent(rate: number | null): string {
  if (rate === null) return "–";
  return new Intl.NumberFormat(language.value, { style: "percent", maximumFractionDigits: 0 }).format(rate);
}
