import { t } from "../../i18n";
import { keeperOf, length, NOTE_LIMIT, type NoteState } from "./notes";

const NEAR = 500;

/** The note about the call, saved as it is typed. */
export function Note({ callId }: { callId: string }) {
  const keeper = keeperOf(callId);
  const used = length(keeper.text.value);
  const state = keeper.state.value;
  return (
    <section class="note">
      <label>
        <span class="label">{t("note")}</span>
        <textarea rows={5} dir="auto" value={keeper.text.value} aria-keyshortcuts="Alt+n" aria-describedby="note-state"
          onInput={(event) => keeper.type(event.currentTarget.value)} onBlur={() => void keeper.flush()} data-test="note" />
      </label>
      <p id="note-state" class={state === "waiting" || state === "too_long" ? "bad" : "dim"} role="status" data-test="note-state">
        {said(state)}
        {used > NOTE_LIMIT - NEAR && <span class={used > NOTE_LIMIT ? "bad" : ""} data-test="note-left"> {t("characters")} {used} / {NOTE_LIMIT}</span>}
      </p>
    </section>
  );
}

function said(state: NoteState): string {
  return t(`note_${state}`);
}
