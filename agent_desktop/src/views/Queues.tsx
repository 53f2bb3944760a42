import { span, t } from "../i18n";
import { board, me, now, queueName } from "../state";

/** The agent's own queues, or all when it is not known which are his. */
export function Queues() {
  const own = new Set(me.value?.queues ?? []);
  const rows = (board.value?.queues ?? []).filter((queue) => own.size === 0 || own.has(queue.name));
  return (
    <section class="card" aria-labelledby="queues-title">
      <h2 id="queues-title" class="label">{t("queues")}</h2>
      <table>
        <thead><tr><th scope="col">{t("queue")}</th><th scope="col" class="number">{t("waiting")}</th><th scope="col" class="number">{t("longest")}</th></tr></thead>
        <tbody>
          {rows.map((queue) => (
            <tr key={queue.name}>
              <td>{queueName(queue.name)}</td>
              <td class="number" data-test={`waiting-${queue.name}`}>{queue.waiting}</td>
              <td class="number">{queue.longest_since === null ? "" : span(now.value - queue.longest_since)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
