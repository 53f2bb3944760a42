import { useRef } from "preact/hooks";
import { t } from "../../i18n";
import type { Line } from "../../softphone/types";
import { Act, ActMenu, closeWhenLeft } from "../Act";
import { phone } from "./desk";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

/** What can be done with one line of the softphone. `queued` = reject and hang up are the queue's own, beside it. */
export function LineControls({ line, queued = false }: { line: Line; queued?: boolean }) {
  if (line.state === "ringing") {
    return (
      <>
        <Act icon="answer" tone="go" label={t("answer")} keys="Alt+4" onClick={() => phone.answer(line)} test="answer" />
        {!queued && <Act icon="hangup" tone="stop" label={t("reject")} keys="Alt+9" onClick={() => phone.hangUp(line)} test="refuse" />}
      </>
    );
  }
  return (
    <>
      {line.state === "talking" && (
        <>
          <Act icon={line.muted ? "mic_off" : "mic"} label={line.muted ? t("unmute") : t("mute")} keys="Alt+5" pressed={line.muted} onClick={() => phone.mute(line)} test="mute" />
          <Act icon={line.held ? "play" : "hold"} label={line.held ? t("unhold") : t("hold")} keys="Alt+6" pressed={line.held} onClick={() => phone.hold(line)} test="hold" />
          <Keypad press={(key) => phone.press(line, key)} />
        </>
      )}
      {!queued && <Act icon="hangup" tone="stop" label={t("hang_up")} keys="Alt+9" onClick={() => phone.hangUp(line)} test="end-call" />}
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
    <details class="menu keypad" ref={pad} onKeyDown={onKeyDown} onFocusOut={closeWhenLeft} data-test="keypad">
      <ActMenu icon="keypad" label={t("keypad")} keys="Alt+7">
        <div class="keys">
          {KEYS.map((key) => <button key={key} type="button" onClick={() => press(key)} data-test={`key-${key}`}>{key}</button>)}
        </div>
      </ActMenu>
    </details>
  );
}
