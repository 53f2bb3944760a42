import { useComputed, type ReadonlySignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { count, span, t, word } from "../../i18n";
import { nameOf } from "../../people";
import type { AgentRow, Me } from "../../protocol";
import { agents, boardCalls, queues } from "../../rows";
import { leads, now, queueName } from "../../state";
import { Icon } from "../Icon";
import { reasonWord } from "../State";
import { AgentActions } from "./AgentActions";
import { dragged, give } from "./CallTable";
import { pressIn } from "./letters";
import { chosen, filter, overlong, shownAgents, skillName, skills, sort, stateOf, STATES, type AgentSort, type Filter, type State } from "./store";
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
    } else if (!event.altKey && !event.ctrlKey && !event.metaKey && pressIn(".agent-actions", event.key.toUpperCase())) event.preventDefault();
  };
  return (
    <section class="card agents-card" data-test="board-agents" aria-label={t("agents")}>
      <Filters />
      <div class="scroll">
        <table class="fixed">
          <thead>
            <tr>
              <Sorted by="name" kind="who">{t("agent")}</Sorted>
              <Sorted by="state" kind="doing">{t("state")}</Sorted>
              <Sorted by="since" kind="number">{t("in_state")}</Sorted>
              <th scope="col" class="with">{t("caller")}</th>
              <Sorted by="answered" kind="number answered">{t("answered")}</Sorted>
              <Sorted by="average" kind="number">{t("aht")}</Sorted>
              <th scope="col" class="serves">{t("queues")}</th>
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

function Sorted(props: { by: AgentSort; kind: string; children: string }) {
  const mine = sort.value.by === props.by;
  const order = mine ? (sort.value.down ? "descending" : "ascending") : "none";
  return (
    <th scope="col" aria-sort={order} class={props.kind}>
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
      <input type="search" aria-label={t("filter")} placeholder={t("filter")} aria-keyshortcuts="/" maxLength={40}
        value={filter.value.text} onInput={(event) => set({ text: event.currentTarget.value })} data-test="filter" />
      <select aria-label={t("queue")} value={filter.value.queue} onChange={(event) => set({ queue: event.currentTarget.value })} data-test="filter-queue">
        <option value="">{t("all_queues")}</option>
        {queues.keys.value.map((name) => <option key={name} value={name}>{queueName(name)}</option>)}
      </select>
      <select aria-label={t("skill")} value={filter.value.skill} onChange={(event) => set({ skill: event.currentTarget.value })} data-test="filter-skill">
        <option value="">{t("all_skills")}</option>
        {skills.classes.value.map((code) => <option key={code} value={code}>{skillName(code)}</option>)}
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
      <th scope="row" title={agent.name}><span class="named"><bdi class="short">{agent.name || id}</bdi> <span class="dim">{id}</span></span></th>
      <td title={stateText(agent)}><Icon name={FACES[state]} /> {stateText(agent)}</td>
      <td class={`number ${late.value ? "late" : ""}`}>{late.value && <span aria-label={t("too_long")}>! </span>}{passed}</td>
      <td><Caller agent={row} /></td>
      <td class={`number ${agent.answered === 0 ? "nil" : ""}`}>{count(agent.answered)}</td>
      <td class={`number ${agent.average === null ? "nil" : ""}`}>{agent.average === null ? "–" : span(agent.average)}</td>
      <Serves agent={agent} />
    </tr>
  );
}

/** The queue he is best at, and how many more: all of them by name where there is room, on the pointer and for those who listen. */
function Serves({ agent }: { agent: AgentRow }) {
  const names = [...agent.queues].sort((one, other) => (agent.levels[other] ?? 0) - (agent.levels[one] ?? 0)).map(queueName);
  const all = `${agent.lent ? `${t("this_shift")}: ` : ""}${names.join(", ")}`;
  return (
    <td class="dim" title={all}>
      <span class="serving" aria-hidden="true">
        {agent.lent && <Icon name="swap" />}<bdi class="short">{names[0]}</bdi>{names.length > 1 && <span class="more">+{names.length - 1}</span>}
      </span>
      <span class="hidden">{all}</span>
    </td>
  );
}

function stateText(agent: Me): string {
  const by = agent.by ? ` · ${t("by_other")} ${nameOf(agent.by)}` : "";
  const paused = `${word("intent", "paused")}${agent.reason ? ` · ${reasonWord(agent.reason)}` : ""}${by}`;
  const system = word("system", agent.held ? "held" : agent.system);
  if (agent.intent === "ready") return system;
  return agent.system === "available" ? paused : `${system} · ${paused}`;
}

/** Only a text that differs touches the page, though calls come and go all the time. */
function Caller({ agent }: { agent: ReadonlySignal<AgentRow> }) {
  const call = useComputed(() => {
    const id = agent.value.call_id;
    return id === null || !boardCalls.keys.value.includes(id) ? undefined : boardCalls.get(id)?.value;
  });
  const who = useComputed(() => (call.value === undefined ? "" : call.value.customer_name || call.value.caller || t("withheld")));
  return <bdi class="short">{who}</bdi>;
}
