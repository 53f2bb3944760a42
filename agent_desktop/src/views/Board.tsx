import { span, t, word } from "../i18n";
import type { BoardCall, Me, QueueRow } from "../protocol";
import { board, now, queueName } from "../state";
import { reasonWord } from "./State";

/** Queues, agents and calls of this moment. */
export function Board() {
  const shown = board.value;
  if (shown === null) return null;
  const agents = shown.agents.filter((agent) => agent.intent !== "signed_out");
  return (
    <div class="board">
      <Table title={t("queues")} head={[t("queue"), t("waiting"), t("longest"), t("ready_agents"), t("talking_agents"), t("answered"), t("abandoned")]}
        rows={shown.queues.map(queueRow)} empty={t("none")} test="board-queues" />
      <Table title={t("agents")} head={[t("agent"), t("state"), t("since"), t("queue")]} rows={agents.map(agentRow)} empty={t("nobody")} test="board-agents" />
      <Table title={t("live_calls")} head={[t("caller"), t("stage"), t("since"), t("queue"), t("agent")]} rows={shown.calls.map(callRow)} empty={t("no_live_calls")} test="board-calls" />
    </div>
  );
}

interface Row {
  key: string;
  cells: string[];
}

function queueRow(queue: QueueRow): Row {
  const longest = queue.longest_since === null ? "" : span(now.value - queue.longest_since);
  const counts = [queue.waiting, longest, queue.ready, queue.talking, queue.answered, queue.abandoned].map(String);
  return { key: queue.name, cells: [queueName(queue.name), ...counts] };
}

function agentRow(agent: Me): Row {
  const intent = agent.intent === "paused" && agent.reason ? `${word("intent", "paused")} · ${reasonWord(agent.reason)}` : word("intent", agent.intent);
  const state = `${intent} / ${word("system", agent.system)}`;
  const queues = agent.queues.map(queueName).join(" ");
  return { key: agent.agent_id, cells: [`${agent.name} ${agent.agent_id}`, state, span(now.value - agent.since), queues] };
}

function callRow(call: BoardCall): Row {
  const caller = call.customer_name || call.caller || t("withheld");
  const queue = call.queue === null ? "" : queueName(call.queue);
  return { key: call.call_id, cells: [caller, word("stage", call.stage), span(now.value - call.since), queue, call.agent_id ?? ""] };
}

function Table(props: { title: string; head: string[]; rows: Row[]; empty: string; test: string }) {
  return (
    <section class="card scroll" data-test={props.test}>
      <h2 class="label">{props.title}</h2>
      {props.rows.length === 0 ? <p class="dim">{props.empty}</p> : (
        <table>
          <thead><tr>{props.head.map((name) => <th scope="col" key={name}>{name}</th>)}</tr></thead>
          <tbody>{props.rows.map((row) => <tr key={row.key}>{row.cells.map((cell, place) => <td key={place}>{cell}</td>)}</tr>)}</tbody>
        </table>
      )}
    </section>
  );
}
