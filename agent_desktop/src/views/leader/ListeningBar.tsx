import { t, word } from "../../i18n";
import { nameOf } from "../../people";
import { agents } from "../../rows";
import { busy, leads } from "../../state";
import { Icon } from "../Icon";
import { pressIn, useLetters } from "./letters";
import { listen, listened, listening, stopListening } from "./store";

export const MODES = [["listen", "L"], ["whisper", "W"], ["barge", "B"]] as const;

/** What one listens to, and how; only while one does, whatever else is on the page, and so are its keys. */
export function ListeningBar() {
  return listening.value === null ? null : <Bar />;
}

function Bar() {
  const present = listening.value;
  useLetters((key) => pressIn(".listening", key));
  if (present === null) return null;
  return (
    <div class="listening" role="status" data-test="listening">
      <Icon name="listen" />
      <span class="grow short">{t("listening_to")} <strong><bdi>{agents.get(present.agent_id)?.value.name || nameOf(present.agent_id)}</bdi></strong>{present.on ? ` · ${word("mode", present.mode)}` : ` – ${t("phone_rings")}`}</span>
      {leads.value && present.on && MODES.map(([mode, key]) => (
        <button type="button" key={mode} aria-pressed={present.mode === mode} disabled={busy.value} aria-keyshortcuts={key} title={key}
          onClick={() => void listen(present.agent_id, mode)} data-test={`mode-${mode}`}>{t(mode)} <kbd>{key}</kbd></button>
      ))}
      <button type="button" class="danger" disabled={busy.value} aria-keyshortcuts="E" onClick={() => void stopListening()} data-test="stop-listening">{t("stop_listening")} <kbd>E</kbd></button>
    </div>
  );
}

/** Somebody listens to this agent; only where agents are told. */
export function Listened() {
  if (listened.value.length === 0) return null;
  return (
    <p class="listening" role="status" data-test="listened">
      <Icon name="listen" />
      <span class="short">{listened.value.map((one) => `${nameOf(one.by)}: ${word("mode", one.mode)}`).join(" · ")}</span>
    </p>
  );
}
