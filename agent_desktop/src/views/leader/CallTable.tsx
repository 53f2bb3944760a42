import { signal, useComputed } from "@preact/signals";
import { span, t, word } from "../../i18n";
import { boardCalls } from "../../rows";
import { busy, leads, now, queueName, wish } from "../../state";
import { freeAgents, shownCalls } from "./store";

const assigning = signal<string | null>(null);

export function CallTable() {
  return (
    <section class="card scroll" data-test="board-calls" aria-label={t("live_calls")}>
      <table class="fixed">
        <thead>
          <tr>
            <th scope="col" class="caller">{t("caller")}</th>
            <th scope="col">{t("stage")}</th>
            <th scope="col" class="narrow">{t("since")}</th>
            <th scope="col">{t("queue")}</th>
            <th scope="col">{t("agent")}</th>
          </tr>
        </thead>
        <tbody>{shownCalls.value.map((id) => <CallRow key={id} id={id} />)}</tbody>
      </table>
      {shownCalls.value.length === 0 && <p class="dim">{t("no_live_calls")}</p>}
    </section>
  );
}

function CallRow({ id }: { id: string }) {
  const row = boardCalls.get(id);
  const passed = useComputed(() => (row === undefined ? "" : span(now.value - row.value.since)));
  if (row === undefined) return null;
  const call = row.value;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key.toLowerCase() !== "a" || event.ctrlKey || event.metaKey || !waits) return;
    event.preventDefault();
    assigning.value = id;
  };
  const waits = call.stage === "waiting" && leads.value;
  return (
    <tr tabIndex={waits ? 0 : -1} onKeyDown={onKeyDown} class={call.stage} data-test={`call-${id}`}>
      <td>{call.customer_name || call.caller || t("withheld")}</td>
      <td>{word("stage", call.stage)}</td>
      <td class="number">{passed}</td>
      <td>{call.queue === null ? "" : queueName(call.queue)}</td>
      <td>{waits ? <Assign id={id} /> : (call.agent_id ?? "")}</td>
    </tr>
  );
}

function Assign({ id }: { id: string }) {
  if (assigning.value !== id) {
    return <button type="button" class="small" aria-keyshortcuts="A" onClick={() => (assigning.value = id)} data-test="assign">{t("assign")}</button>;
  }
  const give = (agent: string) => void wish("assign", { call_id: id, agent_id: agent }).then(() => (assigning.value = null));
  return (
    <select aria-label={t("assign_to")} disabled={busy.value} value="" autoFocus ref={(select) => select?.focus()} data-test="assign-to"
      onChange={(event) => give(event.currentTarget.value)} onKeyDown={(event) => event.key === "Escape" && (assigning.value = null)}>
      <option value="" disabled>{freeAgents.value.length === 0 ? t("nobody_free") : t("assign_to")}</option>
      {freeAgents.value.map((agent) => <option key={agent.agent_id} value={agent.agent_id}>{agent.name} {agent.agent_id}</option>)}
    </select>
  );
}
