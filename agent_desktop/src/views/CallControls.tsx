import { useState } from "preact/hooks";
import { t, word } from "../i18n";
import type { Me } from "../protocol";
import { board, busy, queueName, wish } from "../state";

/** What can be done with the call in hand. The phone itself answers it. */
export function CallControls({ own }: { own: Me }) {
  if (own.system === "offered") {
    return (
      <div class="controls row">
        <strong class="grow">{word("system", own.system)}</strong>
        <button type="button" class="danger" disabled={busy.value} aria-keyshortcuts="Alt+9" onClick={() => void wish("reject_offer", {})} data-test="reject">{t("reject")}</button>
      </div>
    );
  }
  if (own.system !== "talking") return null;
  return (
    <div class="controls row">
      <strong class="grow">{word("system", own.held ? "held" : own.system)}</strong>
      <Transfer />
      <button type="button" class="danger" disabled={busy.value} aria-keyshortcuts="Alt+9" onClick={() => void wish("hang_up", {})} data-test="hang-up">{t("hang_up")}</button>
    </div>
  );
}

function Transfer() {
  const [target, setTarget] = useState("");
  const transfer = (how: "blind" | "attended") => {
    if (target.trim() !== "") void wish("transfer", { target: target.trim(), how });
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    transfer("blind");
  };
  return (
    <form class="transfer" onSubmit={submit} aria-label={t("transfer")}>
      <input name="target" list="targets" aria-label={t("transfer_to")} placeholder={t("transfer")} value={target}
        maxLength={40} onInput={(event) => setTarget(event.currentTarget.value)} data-test="target" />
      <datalist id="targets">
        {board.value?.queues.map((queue) => <option key={queue.name} value={queue.name}>{queueName(queue.name)}</option>)}
        {board.value?.agents.map((agent) => <option key={agent.agent_id} value={agent.agent_id}>{agent.name}</option>)}
      </datalist>
      <button type="submit" disabled={busy.value} data-test="blind">{t("blind")}</button>
      <button type="button" disabled={busy.value} onClick={() => transfer("attended")} data-test="attended">{t("attended")}</button>
    </form>
  );
}
