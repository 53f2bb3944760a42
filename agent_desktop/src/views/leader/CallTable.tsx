import { signal, useComputed } from "@preact/signals";
import { span, t, word } from "../../i18n";
import { nameOf } from "../../people";
import type { BoardCall } from "../../protocol";
import { agents, boardCalls, queues } from "../../rows";
import { busy, leads, now, queueName } from "../../state";
import { Icon, type IconName } from "../Icon";
import { Tel } from "../work/Tel";
import { act, freeAgents, shownCalls, urgency } from "./store";

/** The call a leader is about to give away or to send elsewhere. */
const handing = signal<{ id: string; to: "agent" | "queue" } | null>(null);
/** The waiting call that is being dragged. */
export const dragged = signal<string | null>(null);

export async function give(call: string, agent: string): Promise<void> {
  if (await act("assign", { call_id: call, agent_id: agent }, `${t("given_to")} ${agentName(agent)}`)) handing.value = null;
}

export function CallTable() {
  return (
    <section class="card scroll" data-test="board-calls" aria-label={t("live_calls")}>
      <table class="fixed">
        <thead>
          <tr>
            <th scope="col" class="who">{t("caller")}</th>
            <th scope="col" class="stage">{t("stage")}</th>
            <th scope="col" class="number">{t("in_state")}</th>
            <th scope="col" class="serves">{t("queue")}</th>
            <th scope="col" class="doing">{t("agent")}</th>
          </tr>
        </thead>
        <tbody>{shownCalls.value.map((id) => <CallLine key={id} id={id} />)}</tbody>
      </table>
      {shownCalls.value.length === 0 && <p class="dim">{t("no_live_calls")}</p>}
    </section>
  );
}

function CallLine({ id }: { id: string }) {
  const row = boardCalls.get(id);
  const passed = useComputed(() => (row === undefined ? "" : span(now.value - row.value.since)));
  const late = useComputed(() => {
    const queue = row?.value.stage === "waiting" && row.value.queue !== null ? queues.get(row.value.queue) : undefined;
    return row === undefined || queue === undefined ? "" : urgency(queue.value, now.value - row.value.since);
  });
  if (row === undefined) return null;
  const call = row.value;
  const waits = call.stage === "waiting" && leads.value;
  const onKeyDown = (event: KeyboardEvent) => {
    if (!waits || event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const button = (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`[aria-keyshortcuts="${CSS.escape(event.key.toUpperCase())}"]`);
    if (button === null) return;
    event.preventDefault();
    button.click();
  };
  return (
    <tr tabIndex={waits ? 0 : -1} draggable={waits} onDragStart={(event) => drag(event, id)} onDragEnd={() => (dragged.value = null)}
      onKeyDown={onKeyDown} class={call.stage} data-test={`call-${id}`}>
      <td title={`${call.customer_name ?? ""} ${call.caller}`.trim()}><Caller call={call} /></td>
      <td>{word("stage", call.stage)}</td>
      <td class={`number ${late.value}`}>{passed}</td>
      <td title={call.queue === null ? "" : queueName(call.queue)}><bdi class="short">{call.queue === null ? "" : queueName(call.queue)}</bdi></td>
      <td>{waits ? <Handing call={call} /> : call.agent_id !== null && <bdi class="short">{agentName(call.agent_id)}</bdi>}</td>
    </tr>
  );
}

/** His name whole; the number too where there is room beside it. */
function Caller({ call }: { call: BoardCall }) {
  const name = call.customer_name || (call.caller ? "" : t("withheld"));
  return <span class="caller">{name && <bdi class="short">{name}</bdi>}{call.caller && <Tel number={call.caller} />}</span>;
}

function drag(event: DragEvent, id: string): void {
  event.dataTransfer?.setData("text/plain", id);
  dragged.value = id;
}

function agentName(id: string): string {
  return agents.get(id)?.value.name || nameOf(id);
}

function Handing({ call }: { call: BoardCall }) {
  const present = handing.value?.id === call.call_id ? handing.value.to : null;
  if (present === "agent") return <Choose label={t("assign_to")} test="assign-to" give={(agent) => void give(call.call_id, agent)} options={freeAgents.value.map((one) => [one.agent_id, `${one.name} ${one.agent_id}`])} />;
  if (present === "queue") return <Choose label={t("send_to")} test="send-to" give={(queue) => void send(call, queue)} options={queues.keys.value.filter((name) => name !== call.queue).map((name) => [name, queueName(name)])} />;
  return (
    <span class="hand">
      <Small icon="headset" label={t("assign")} keys="A" test="assign" onClick={() => (handing.value = { id: call.call_id, to: "agent" })} />
      <Small icon="star" label={t("head")} keys="H" test="promote" onClick={() => void act("promote_call", { call_id: call.call_id }, t("is_next"))} />
      <Small icon="move" label={t("send_to")} keys="V" test="send-call" onClick={() => (handing.value = { id: call.call_id, to: "queue" })} />
    </span>
  );
}

async function send(call: BoardCall, queue: string): Promise<void> {
  if (await act("send_call", { call_id: call.call_id, queue }, `${t("sent_to")} ${queueName(queue)}`)) handing.value = null;
}

function Choose(props: { label: string; test: string; options: [string, string][]; give: (value: string) => void }) {
  return (
    <select aria-label={props.label} disabled={busy.value} value="" ref={(select) => select?.focus()} data-test={props.test}
      onChange={(event) => props.give(event.currentTarget.value)} onKeyDown={(event) => event.key === "Escape" && (handing.value = null)}>
      <option value="" disabled>{props.options.length === 0 ? t("nobody_free") : props.label}</option>
      {props.options.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
    </select>
  );
}

function Small(props: { icon: IconName; label: string; keys: string; test: string; onClick: () => void }) {
  return (
    <button type="button" class="small" aria-label={props.label} aria-keyshortcuts={props.keys} title={`${props.label} (${props.keys})`} disabled={busy.value} onClick={props.onClick} data-test={props.test}>
      <Icon name={props.icon} />
    </button>
  );
}
