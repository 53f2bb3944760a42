import { signal } from "@preact/signals";
import { t } from "../../i18n";
import type { Me } from "../../protocol";
import { agents, queues } from "../../rows";
import { busy, leads, pauseCodes, queueName, session, wish } from "../../state";
import { reasonWord } from "../State";
import { announceTo } from "./Announce";
import { chosen, listen, stateOf } from "./store";

const moving = signal<string | null>(null);

/** Keys of the agent table: the button that has the key, if it can be pressed. */
export function press(event: KeyboardEvent): void {
  const key = event.key.toUpperCase();
  const target = document.querySelector<HTMLElement>(`.agent-actions [aria-keyshortcuts="${CSS.escape(key)}"]:not(:disabled)`);
  if (target === null) return;
  event.preventDefault();
  target.focus();
  if (target.tagName === "BUTTON") target.click();
}

/** What can be done with the chosen agent. Inspectors listen only; administrators set queues. */
export function AgentActions() {
  const row = chosen.value === null ? undefined : agents.get(chosen.value);
  const role = session.value?.role;
  if (row === undefined || agents.keys.value.length === 0) return role === "leader" ? <p class="dim agent-actions">{t("choose_agent")}</p> : null;
  const agent = row.value;
  return (
    <div class="agent-actions" role="group" aria-label={`${t("actions_for")} ${agent.name}`} data-test="agent-actions">
      <strong>{agent.name}</strong>
      {(leads.value || role === "inspector") && <Listen agent={agent} />}
      {leads.value && <Intent agent={agent} />}
      {(leads.value || role === "admin") && (
        <>
          <button type="button" aria-keyshortcuts="Q" aria-expanded={moving.value === agent.agent_id} data-test="queues-of"
            onClick={() => (moving.value = moving.value === agent.agent_id ? null : agent.agent_id)}>{t("queues_of")}</button>
          <button type="button" aria-keyshortcuts="M" onClick={() => announceTo("agent", agent.agent_id)}>{t("message_to")}</button>
        </>
      )}
      {moving.value === agent.agent_id && <Move agent={agent} />}
    </div>
  );
}

function Listen({ agent }: { agent: Me }) {
  const off = busy.value || agent.system !== "talking" || session.value?.agent_id == null;
  const modes = leads.value ? ([["listen", "L"], ["whisper", "W"], ["barge", "B"]] as const) : ([["listen", "L"]] as const);
  return (
    <>
      {modes.map(([mode, key]) => (
        <button type="button" key={mode} disabled={off} aria-keyshortcuts={key} onClick={() => void listen(agent.agent_id, mode)} data-test={mode}>{t(mode)}</button>
      ))}
    </>
  );
}

function Intent({ agent }: { agent: Me }) {
  return (
    <>
      <select aria-keyshortcuts="P" aria-label={t("pause")} value="" disabled={busy.value} data-test="pause-agent"
        onChange={(event) => {
          void wish("pause", { agent_id: agent.agent_id, reason: event.currentTarget.value });
          event.currentTarget.value = "";
        }}>
        <option value="" disabled>{t("pause")}…</option>
        {pauseCodes.value.map((code) => <option key={code.code} value={code.code}>{reasonWord(code.code)}</option>)}
      </select>
      <button type="button" aria-keyshortcuts="O" disabled={busy.value || stateOf(agent) === "talking"} data-test="sign-out-agent"
        onClick={() => void wish("sign_out", { agent_id: agent.agent_id })}>{t("sign_out_agent")}</button>
    </>
  );
}

const LEVEL = 5;

/** Queues with levels: unticked = does not serve it. */
function Move({ agent }: { agent: Me }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const served = queues.keys.value.filter((name) => form.get(`on-${name}`) !== null);
    const levels = Object.fromEntries(served.map((name) => [name, Number(form.get(`level-${name}`)) || LEVEL]));
    void wish("move", { agent_id: agent.agent_id, queues: levels }).then(() => (moving.value = null));
  };
  return (
    <form class="move" onSubmit={submit} data-test="move">
      {queues.keys.value.map((name) => (
        <span key={name}>
          <label class="tick"><input type="checkbox" name={`on-${name}`} defaultChecked={agent.queues.includes(name)} /> {queueName(name)}</label>
          <input type="number" name={`level-${name}`} min={1} max={10} defaultValue={String(agent.levels[name] ?? LEVEL)} aria-label={`${queueName(name)}: ${t("agent_level")}`} />
        </span>
      ))}
      <button type="submit" class="primary" disabled={busy.value}>{t("save")}</button>
    </form>
  );
}
