import { signal } from "@preact/signals";
import { t } from "../../i18n";
import type { AgentRow } from "../../protocol";
import { agents, queues } from "../../rows";
import { busy, leads, pauseCodes, queueName, session } from "../../state";
import { reasonWord } from "../State";
import { announceTo } from "./Announce";
import { MODES } from "./ListeningBar";
import { act, chosen, listen, stateOf } from "./store";

const moving = signal<string | null>(null);
/** Whom the next press signs out: the first one only asks. */
const leaving = signal<string | null>(null);

/** What can be done with the chosen agent. Inspectors listen only; administrators set queues. */
export function AgentActions() {
  const row = chosen.value === null ? undefined : agents.get(chosen.value);
  const role = session.value?.role;
  if (row === undefined || agents.keys.value.length === 0) return role === "leader" ? <p class="dim agent-actions">{t("choose_agent")}</p> : null;
  const agent = row.value;
  return (
    <div class="agent-actions" role="group" aria-label={`${t("actions_for")} ${agent.name}`} data-test="agent-actions">
      <strong title={agent.name}><bdi class="short">{agent.name || agent.agent_id}</bdi></strong>
      {(leads.value || role === "inspector") && <Listen agent={agent} />}
      {leads.value && <Intent agent={agent} />}
      {(leads.value || role === "admin") && (
        <>
          <button type="button" aria-keyshortcuts="Q" title="Q" aria-expanded={moving.value === agent.agent_id} data-test="queues-of"
            onClick={() => (moving.value = moving.value === agent.agent_id ? null : agent.agent_id)}>{t("queues_of")}</button>
          <button type="button" aria-keyshortcuts="M" title="M" onClick={() => announceTo("agent", agent.agent_id)} data-test="message-agent">{t("message_to")}</button>
        </>
      )}
      {moving.value === agent.agent_id && <Move agent={agent} />}
    </div>
  );
}

function Listen({ agent }: { agent: AgentRow }) {
  const off = busy.value || agent.system !== "talking" || session.value?.agent_id == null || agent.agent_id === session.value.agent_id;
  const modes = leads.value ? MODES : MODES.slice(0, 1);
  return (
    <>
      {modes.map(([mode, key]) => (
        <button type="button" key={mode} disabled={off} aria-keyshortcuts={key} title={key} onClick={() => void listen(agent.agent_id, mode)} data-test={mode}>{t(mode)}</button>
      ))}
    </>
  );
}

function Intent({ agent }: { agent: AgentRow }) {
  const of = { agent_id: agent.agent_id };
  return (
    <>
      {agent.system === "wrap_up" && (
        <>
          <button type="button" aria-keyshortcuts="X" title="X" disabled={busy.value} onClick={() => void act("extend_wrap_up", of, `${agent.name}: ${t("extend_wrap_up")} ✓`)} data-test="extend-of">{t("extend_wrap_up")}</button>
          <button type="button" aria-keyshortcuts="N" title="N" disabled={busy.value} onClick={() => void act("end_wrap_up", of, `${agent.name}: ${t("end_wrap_up")} ✓`)} data-test="end-of">{t("end_wrap_up")}</button>
        </>
      )}
      {agent.intent !== "ready" && (
        <button type="button" aria-keyshortcuts="R" title="R" disabled={busy.value} onClick={() => void act("ready", of, `${agent.name}: ${t("ready")} ✓`)} data-test="ready-agent">{t("ready")}</button>
      )}
      <select aria-keyshortcuts="P" aria-label={t("pause")} value="" disabled={busy.value} data-test="pause-agent"
        onChange={(event) => {
          const reason = event.currentTarget.value;
          void act("pause", { ...of, reason }, `${agent.name}: ${t("pause")} · ${reasonWord(reason)} ✓`);
          event.currentTarget.value = "";
        }}>
        <option value="" disabled>{t("pause")}…</option>
        {pauseCodes.value.map((code) => <option key={code.code} value={code.code}>{reasonWord(code.code)}</option>)}
      </select>
      <SignOut agent={agent} />
    </>
  );
}

/** He would have to sign in again himself: asked twice. */
function SignOut({ agent }: { agent: AgentRow }) {
  const asked = leaving.value === agent.agent_id;
  const onClick = () => {
    leaving.value = asked ? null : agent.agent_id;
    if (asked) void act("sign_out", { agent_id: agent.agent_id }, `${agent.name}: ${t("sign_out_agent")} ✓`);
  };
  return (
    <button type="button" class={asked ? "danger" : ""} aria-keyshortcuts="O" title="O" disabled={busy.value || stateOf(agent) === "talking"} onClick={onClick}
      onBlur={() => (leaving.value = null)} data-test="sign-out-agent">{asked ? `${t("really_sign_out")} ${agent.name}?` : t("sign_out_agent")}</button>
  );
}

const LEVEL = 5;

/** Queues with levels: unticked = does not serve it. */
function Move({ agent }: { agent: AgentRow }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const served = queues.keys.value.filter((name) => form.get(`on-${name}`) !== null);
    const levels = Object.fromEntries(served.map((name) => [name, Number(form.get(`level-${name}`)) || LEVEL]));
    const forGood = form.get("for") === "good";
    const done = `${agent.name}: ${served.map(queueName).join(" ")} · ${t(forGood ? "for_good" : "this_shift")}`;
    void act("move", { agent_id: agent.agent_id, queues: levels, for_good: forGood }, done).then((good) => good && (moving.value = null));
  };
  return (
    <form class="move" onSubmit={submit} data-test="move">
      {queues.keys.value.map((name) => (
        <span key={name}>
          <label class="tick" title={queueName(name)}><input type="checkbox" name={`on-${name}`} defaultChecked={agent.queues.includes(name)} /> <bdi class="short">{queueName(name)}</bdi></label>
          <input type="number" name={`level-${name}`} min={1} max={10} defaultValue={String(agent.levels[name] ?? LEVEL)} aria-label={`${queueName(name)}: ${t("agent_level")}`} />
        </span>
      ))}
      <label class="tick"><input type="radio" name="for" value="shift" defaultChecked /> {t("this_shift")}</label>
      <label class="tick"><input type="radio" name="for" value="good" /> {t("for_good")}</label>
      <button type="submit" class="primary" disabled={busy.value}>{t("save")}</button>
    </form>
  );
}
