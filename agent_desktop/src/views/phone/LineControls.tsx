import { useRef } from "preact/hooks";
import { t } from "../../i18n";
import type { Line } from "../../softphone/types";
import { busy, wish } from "../../state";
import { consulting, phone } from "./desk";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

/** What can be done with one line of the softphone. `rejectable` = the reject button of the queue's offer stands beside it. */
export function LineControls({ line, queued = false }: { line: Line; queued?: boolean }) {
  if (line.state === "ringing") {
    return (
      <>
        <button type="button" class="primary" aria-keyshortcuts="Alt+4" onClick={() => phone.answer(line)} data-test="answer">{t("answer")}</button>
        {!queued && <button type="button" class="danger" aria-keyshortcuts="Alt+9" onClick={() => phone.hangUp(line)} data-test="refuse">{t("reject")}</button>}
      </>
    );
  }
  return (
    <>
      {line.state === "talking" && (
        <>
          <button type="button" aria-pressed={line.muted} aria-keyshortcuts="Alt+5" onClick={() => phone.mute(line)} data-test="mute">{line.muted ? t("unmute") : t("mute")}</button>
          <button type="button" aria-pressed={line.held} aria-keyshortcuts="Alt+6" onClick={() => phone.hold(line)} data-test="hold">{line.held ? t("unhold") : t("hold")}</button>
          <Keypad press={(key) => phone.press(line, key)} />
        </>
      )}
      {!queued && <button type="button" class="danger" aria-keyshortcuts="Alt+9" onClick={() => phone.hangUp(line)} data-test="end-call">{t("hang_up")}</button>}
    </>
  );
}

/** Keys by click, or typed while the pad is open. */
export function Keypad({ press }: { press: (key: string) => void }) {
  const pad = useRef<HTMLDetailsElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && pad.current !== null) {
      pad.current.open = false;
      pad.current.querySelector("summary")?.focus();
    } else if (KEYS.includes(event.key) && !event.altKey && !event.ctrlKey) {
      event.preventDefault();
      press(event.key);
    }
  };
  return (
    <details class="menu keypad" ref={pad} onKeyDown={onKeyDown} data-test="keypad">
      <summary aria-keyshortcuts="Alt+7">{t("keypad")}</summary>
      <div class="keys">
        {KEYS.map((key) => <button key={key} type="button" onClick={() => press(key)} data-test={`key-${key}`}>{key}</button>)}
      </div>
    </details>
  );
}

/** A colleague is on the line, the caller hears music. */
export function Consultation() {
  if (!consulting.value) return null;
  const go = (step: "complete" | "join" | "swap" | "cancel") => {
    void wish("consult", { step });
    if (step !== "swap") consulting.value = false;
  };
  return (
    <div class="controls row consultation" role="group" aria-label={t("consulting")} data-test="consultation">
      <span class="grow">{t("consulting")}</span>
      <button type="button" class="primary" disabled={busy.value} onClick={() => go("complete")} data-test="consult-complete">{t("consult.complete")}</button>
      <button type="button" disabled={busy.value} onClick={() => go("join")} data-test="consult-join">{t("consult.join")}</button>
      <button type="button" disabled={busy.value} onClick={() => go("swap")} data-test="consult-swap">{t("consult.swap")}</button>
      <button type="button" disabled={busy.value} onClick={() => go("cancel")} data-test="consult-cancel">{t("consult.cancel")}</button>
    </div>
  );
}
