import { useEffect } from "preact/hooks";
import { t, word } from "../../i18n";
import { leads, queueName, session } from "../../state";
import { AgentTable } from "./AgentTable";
import { Announce } from "./Announce";
import { CallTable } from "./CallTable";
import { ListeningBar } from "./ListeningBar";
import { QueueTable } from "./QueueTable";
import { askToNotify, mayNotify, raised } from "./store";
import { ThresholdForm } from "./ThresholdForm";

/** Queues, agents and calls of this moment, and what a leader does about them. */
export function LeaderBoard() {
  const sets = leads.value || session.value?.role === "admin";
  return (
    <div class="leader" data-test="leader">
      <Alarms />
      <ListeningBar />
      <QueueTable />
      <div class="halves">
        <AgentTable />
        <CallTable />
      </div>
      <footer class="leader-tools">
        {sets && <Announce />}
        {sets && <ThresholdForm />}
        {mayNotify.value === "default" && <button type="button" onClick={() => void askToNotify()}>{t("notify_me")}</button>}
        {leads.value && <span class="dim grow">{t("leader_keys")}</span>}
      </footer>
      <FilterKey />
    </div>
  );
}

function Alarms() {
  return (
    <ul class="alarms" role="status" aria-label={t("alarms")} data-test="alarms">
      {raised.value.map(({ queue, alarm }) => (
        <li key={queue + alarm}><strong>{queueName(queue)}</strong> {word("alarm", alarm)}</li>
      ))}
    </ul>
  );
}

/** `/` goes to the filter from wherever nothing is being typed. */
function FilterKey() {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      if (event.key !== "/" || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName)) return;
      event.preventDefault();
      document.querySelector<HTMLInputElement>("[data-filter]")?.focus();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return null;
}
