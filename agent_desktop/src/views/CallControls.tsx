import { useState } from "preact/hooks";
import { t, word } from "../i18n";
import type { Me } from "../protocol";
import { busy, me, problem, queueName, wish } from "../state";
import { consulting, directory, line, readDirectory } from "./phone/desk";
import { Consultation, LineControls } from "./phone/LineControls";

/** What can be done with the call in hand. A desk phone itself answers and holds; the softphone's line has its controls here. */
export function CallControls({ own }: { own: Me }) {
  const ours = line();
  if (own.system === "offered") {
    return (
      <div class="controls row">
        <strong class="grow">{word("system", own.system)}</strong>
        {ours?.state === "ringing" && <LineControls line={ours} queued />}
        <button type="button" class="danger" disabled={busy.value} aria-keyshortcuts="Alt+9" onClick={() => void wish("reject_offer", {})} data-test="reject">{t("reject")}</button>
      </div>
    );
  }
  if (own.system !== "talking") return null;
  return (
    <>
      <Consultation />
      <div class="controls row">
        <strong class="grow">{word("system", own.held ? "held" : own.system)}</strong>
        {ours !== null && <LineControls line={ours} queued />}
        <Transfer />
        <button type="button" class="danger" disabled={busy.value} aria-keyshortcuts="Alt+9" onClick={() => void wish("hang_up", {})} data-test="hang-up">{t("hang_up")}</button>
      </div>
    </>
  );
}

function Transfer() {
  const [target, setTarget] = useState("");
  const transfer = async (how: "blind" | "attended") => {
    if (target.trim() === "") return;
    await wish("transfer", { target: target.trim(), how });
    consulting.value = how === "attended" && problem.value === null;
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void transfer("blind");
  };
  return (
    <form class="transfer" onSubmit={submit} aria-label={t("transfer")}>
      <input name="target" list="targets" aria-label={t("transfer_to")} placeholder={t("transfer")} value={target}
        aria-keyshortcuts="Alt+8" onFocus={readDirectory}
        maxLength={40} onInput={(event) => setTarget(event.currentTarget.value)} data-test="target" />
      <datalist id="targets">
        {directory.value.queues.map((queue) => <option key={queue.name} value={queue.name}>{queueName(queue.name)} · {t("ready_agents")} {queue.ready}</option>)}
        {directory.value.agents.filter((agent) => agent.signed_in && agent.agent_id !== me.value?.agent_id).map((agent) => (
          <option key={agent.agent_id} value={agent.agent_id}>{agent.name}{agent.free ? ` · ${t("free_agents")}` : ""}</option>
        ))}
      </datalist>
      <button type="submit" disabled={busy.value} data-test="blind">{t("blind")}</button>
      <button type="button" disabled={busy.value} onClick={() => void transfer("attended")} data-test="attended">{t("attended")}</button>
    </form>
  );
}
