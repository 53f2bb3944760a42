import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { callInHand } from "./store";
import { keeperOf, length, NOTE_LIMIT, refused, type NoteKeeper, type NoteState } from "./notes";

const NEAR = 500;
const BAD: NoteState[] = ["waiting", "too_long", "refused"];

/** The note about the call, saved as it is typed. */
export function Note({ callId, shortcut }: { callId: string; shortcut?: string }) {
  const keeper = keeperOf(callId);
  const used = length(keeper.text.value);
  const state = keeper.state.value;
  const id = `note-state-${callId}`;
  return (
    <section class="note">
      <label>
        <span class="label">{t("note")}</span>
        <textarea rows={5} dir="auto" value={keeper.text.value} aria-keyshortcuts={shortcut} aria-describedby={id}
          onInput={(event) => keeper.type(event.currentTarget.value)} onBlur={() => void keeper.flush()} data-test="note" />
      </label>
      <p id={id} class={BAD.includes(state) ? "bad" : "dim"} role="status" data-test="note-state">
        {t(`note_${state}`)}
        {used > NOTE_LIMIT - NEAR && <span class={used > NOTE_LIMIT ? "bad" : ""} data-test="note-left"> {t("characters")} {used} / {NOTE_LIMIT}</span>}
      </p>
      {state === "refused" && <Rescue keeper={keeper} />}
    </section>
  );
}

/** The server does not take it, now or later: the text is the agent's to copy or to give up. */
function Rescue({ keeper }: { keeper: NoteKeeper }) {
  const [copied, tell] = useState(false);
  const copy = () => void navigator.clipboard.writeText(keeper.text.value).then(() => tell(true), () => tell(false));
  return (
    <p class="row">
      <button type="button" class="small" onClick={copy} data-test="copy-note">{t(copied ? "copied" : "copy_text")}</button>
      <button type="button" class="small danger" onClick={() => keeper.discard()} data-test="discard-note">{t("discard_text")}</button>
    </p>
  );
}

/** Notes of other calls that could not be saved. */
export function RefusedNotes() {
  const others = refused.value.filter((keeper) => keeper.callId !== callInHand.value);
  if (others.length === 0) return null;
  return (
    <section class="card" role="alert" aria-labelledby="refused-title" data-test="refused-notes">
      <h2 id="refused-title" class="label">{t("refused_notes")}</h2>
      {others.map((keeper) => (
        <div key={keeper.callId}>
          <p class="excerpt" dir="auto">{keeper.text.value}</p>
          <Rescue keeper={keeper} />
        </div>
      ))}
    </section>
  );
}
