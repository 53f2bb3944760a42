import { useComputed, type ReadonlySignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { span, t, word } from "../../i18n";
import type { AgentRow, Me } from "../../protocol";
import { agents, boardCalls, queues } from "../../rows";
import { leads, now, queueName } from "../../state";
import { Icon } from "../Icon";
import { reasonWord } from "../State";
import { AgentActions, press } from "./AgentActions";
import { dragged, give } from "./CallTable";
import { chosen, filter, overlong, shownAgents, skills, sort, stateOf, STATES, type AgentSort, type Filter, type State } from "./store";
import { FACES } from "./Totals";

export function AgentTable() {
  const body = useRef<HTMLTableSectionElement>(null);
  const ids = shownAgents.value;
  const onKeyDown = (event: KeyboardEvent) => {
    const at = chosen.value === null ? -1 : ids.indexOf(chosen.value);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = ids[Math.min(ids.length - 1, Math.max(0, at + step))];
      if (next === undefined) return;
      chosen.value = next;
      body.current?.querySelector<HTMLElement>(`[data-agent="${CSS.escape(next)}"]`)?.focus();
    } else if (!event.altKey && !event.ctrlKey && !event.metaKey) press(event);
  };
  return (
    <section class="card agents-card" data-test="board-agents" aria-label={t("agents")}>
      <Filters />
      <div class="scroll">
        <table class="fixed">
          <thead>
            <tr>
              <Sorted by="name">{t("agent")}</Sorted>
              <Sorted by="state">{t("state")}</Sorted>
              <Sorted by="since" narrow>{t("since")}</Sorted>
              <th scope="col">{t("caller")}</th>
              <Sorted by="answered" narrow>{t("answered")}</Sorted>
              <Sorted by="average" narrow>{t("aht")}</Sorted>
              <th scope="col">{t("queue")}</th>
            </tr>
          </thead>
          <tbody ref={body} onKeyDown={onKeyDown}>
            {ids.map((id, place) => <AgentLine key={id} id={id} first={place === 0} />)}
          </tbody>
        </table>
        {ids.length === 0 && <p class="dim">{t("nobody")}</p>}
      </div>
      <AgentActions />
    </section>
  );
}

function Sorted(props: { by: AgentSort; narrow?: boolean; children: string }) {
  const mine = sort.value.by === props.by;
  const order = mine ? (sort.value.down ? "descending" : "ascending") : "none";
  return (
    <th scope="col" aria-sort={order} class={props.narrow ? "narrow" : ""}>
      <button type="button" class="plain" onClick={() => (sort.value = { by: props.by, down: mine && !sort.value.down })}>
        {props.children}{mine && <span aria-hidden="true">{sort.value.down ? " ▾" : " ▴"}</span>}
      </button>
    </th>
  );
}

function Filters() {
  const set = (change: Partial<Filter>) => (filter.value = { ...filter.value, ...change });
  return (
    <div class="filters">
      <input type="search" data-filter aria-label={t("filter")} placeholder={t("filter")} aria-keyshortcuts="/" maxLength={40}
        value={filter.value.text} onInput={(event) => set({ text: event.currentTarget.value })} data-test="filter" />
      <select aria-label={t("queue")} value={filter.value.queue} onChange={(event) => set({ queue: event.currentTarget.value })} data-test="filter-queue">
        <option value="">{t("all_queues")}</option>
        {queues.keys.value.map((name) => <option key={name} value={name}>{queueName(name)}</option>)}
      </select>
      <select aria-label={t("skill")} value={filter.value.skill} onChange={(event) => set({ skill: event.currentTarget.value })} data-test="filter-skill">
        <option value="">{t("all_skills")}</option>
        {skills.value.map((code) => <option key={code} value={code}>{code}</option>)}
      </select>
      <select aria-label={t("state")} value={filter.value.state} onChange={(event) => set({ state: event.currentTarget.value as State | "" })} data-test="filter-state">
        <option value="">{t("all_states")}</option>
        {STATES.map((state) => <option key={state} value={state}>{word("state", state)}</option>)}
      </select>
    </div>
  );
}

/** A waiting call can be dropped on a free agent. */
function AgentLine({ id, first }: { id: string; first: boolean }) {
  const row = agents.get(id);
  const passed = useComputed(() => (row === undefined ? "" : span(now.value - row.value.since)));
  const late = useComputed(() => row !== undefined && overlong(row.value, now.value));
  const isChosen = useComputed(() => chosen.value === id);
  const takes = useComputed(() => leads.value && dragged.value !== null && row !== undefined && stateOf(row.value) === "ready");
  if (row === undefined) return null;
  const agent = row.value;
  const state = stateOf(agent);
  return (
    <tr class={`agent ${state} ${isChosen.value ? "chosen" : ""} ${takes.value ? "takes" : ""}`} data-agent={id} data-test={`agent-${id}`} aria-selected={isChosen.value}
      onDragOver={(event) => takes.value && event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        if (dragged.value !== null) void give(dragged.value, id);
      }}
      tabIndex={isChosen.value || (first && chosen.value === null) ? 0 : -1} onClick={() => (chosen.value = id)} onFocus={() => (chosen.value = id)}>
      <th scope="row">{agent.name} <span class="dim">{id}</span></th>
      <td><Icon name={FACES[state]} /> {stateText(agent)}</td>
      <td class={`number ${late.value ? "late" : ""}`}>{late.value && <span aria-label={t("too_long")}>! </span>}{passed}</td>
      <td><Caller agent={row} /></td>
      <td class="number">{agent.answered}</td>
      <td class="number">{agent.average === null ? "–" : span(agent.average)}</td>
      <td class="dim">{agent.lent && `${t("this_shift")}: `}{agent.queues.map(queueName).join(" ")}</td>
    </tr>
  );
}

function stateText(agent: Me): string {
  const by = agent.by ? ` (${t("by_other")} ${agent.by})` : "";
  const paused = `${word("intent", "paused")}${agent.reason ? ` · ${reasonWord(agent.reason)}` : ""}${by}`;
  const system = word("system", agent.held ? "held" : agent.system);
  if (agent.intent === "ready") return system;
  return agent.system === "available" ? paused : `${system} · ${paused}`;
}

/** Only a text that differs touches the page, though calls come and go all the time. */
function Caller({ agent }: { agent: ReadonlySignal<AgentRow> }) {
  const text = useComputed(() => {
    const id = agent.value.call_id;
    if (id === null || !boardCalls.keys.value.includes(id)) return "";
    const call = boardCalls.get(id)?.value;
    const who = call?.customer_name || call?.caller || t("withheld");
    return call?.queue ? `${who} · ${queueName(call.queue)}` : who;
  });
  return <>{text}</>;
}
