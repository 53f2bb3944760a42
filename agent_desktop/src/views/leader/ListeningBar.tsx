import { t } from "../../i18n";
import { agents } from "../../rows";
import { busy, leads } from "../../state";
import { listen, listening, stopListening } from "./store";

const MODES = ["listen", "whisper", "barge"] as const;

/** What one listens to, and how; only while one does. */
export function ListeningBar() {
  const present = listening.value;
  if (present === null) return null;
  const name = agents.get(present.agent_id)?.value.name ?? "";
  return (
    <div class="listening" role="status" data-test="listening">
      <span>{t("listening_to")} <strong>{name} {present.agent_id}</strong>{present.on ? "" : ` – ${t("phone_rings")}`}</span>
      {leads.value && present.on && MODES.map((mode) => (
        <button type="button" key={mode} aria-pressed={present.mode === mode} disabled={busy.value}
          onClick={() => void listen(present.agent_id, mode)} data-test={`mode-${mode}`}>{t(mode)}</button>
      ))}
      <button type="button" class="danger" disabled={busy.value} onClick={() => void stopListening()} data-test="stop-listening">{t("stop_listening")}</button>
    </div>
  );
}
