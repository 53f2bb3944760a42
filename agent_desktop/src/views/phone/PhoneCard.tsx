import { useState } from "preact/hooks";
import { t, word } from "../../i18n";
import type { Line } from "../../softphone/types";
import { busy, me } from "../../state";
import { choose, dial, line, phone, testPhone } from "./desk";
import { LineControls } from "./LineControls";

/** Which phone, whether it works, and calls on it that are none of the queue's. */
export function PhoneCard() {
  if (me.value === null) return null;
  return (
    <section class="card phone" aria-labelledby="phone-title">
      <h2 id="phone-title" class="label">{t("phone")}</h2>
      {phone.possible.value && <Choice />}
      {phone.use.value === "softphone" && <Softphone />}
      {phone.fault.value !== null && <p class="warn" role="alert" data-test="phone-fault">{word("fault", phone.fault.value)}</p>}
      {phone.lines.value.filter((one) => one !== shownElsewhere()).map((one) => <OwnCall key={one.id} line={one} />)}
      <Dial />
    </section>
  );
}

/** The queue's call has its controls above the customer. */
function shownElsewhere(): Line | null {
  return me.value?.call_id ? line() : null;
}

function Choice() {
  return (
    <div class="languages" role="group" aria-label={t("phone_use")}>
      {(["desk", "softphone"] as const).map((use) => (
        <button key={use} type="button" aria-pressed={phone.use.value === use} disabled={phone.lines.value.length > 0}
          onClick={() => choose(use)} data-test={`use-${use}`}>{word("use", use)}</button>
      ))}
    </div>
  );
}

function Softphone() {
  if (phone.place.value === "elsewhere") {
    return (
      <div class="controls">
        <p role="status" data-test="phone-elsewhere">{t("phone_elsewhere")}</p>
        <button type="button" onClick={() => phone.takeOver()} data-test="take-over">{t("take_over")}</button>
      </div>
    );
  }
  const good = phone.registration.value === "registered";
  return (
    <>
      <p class="row">
        <span class={good ? "good" : "bad"} role="status" data-test="registration">{word("registration", phone.registration.value)}</span>
        <button type="button" onClick={testPhone} disabled={phone.lines.value.length > 0} data-test="try-phone">{t("try_phone")}</button>
      </p>
      {phone.microphone.value !== null && (
        <p class={phone.microphone.value === "good" ? "good" : "warn"} role="status" data-test="microphone">{word("microphone", phone.microphone.value)}</p>
      )}
      {phone.microphone.value === "good" && <p class="dim">{t("speaker_hint")}</p>}
    </>
  );
}

function OwnCall({ line: own }: { line: Line }) {
  const word = { ringing: t("incoming"), dialling: t("calling"), talking: t("in_call") }[own.state];
  return (
    <div class="own-call" data-test="own-call">
      <p><strong>{word}</strong> <span>{own.peer}</span></p>
      <div class="controls row"><LineControls line={own} /></div>
    </div>
  );
}

function Dial() {
  const [number, setNumber] = useState("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    dial(number);
    setNumber("");
  };
  return (
    <form class="dial" onSubmit={submit}>
      <input type="tel" aria-label={t("dial_number")} placeholder={t("dial_number")} value={number} maxLength={32}
        onInput={(event) => setNumber(event.currentTarget.value)} data-test="dial-number" />
      <button type="submit" disabled={busy.value || number.trim() === ""} data-test="dial">{t("dial")}</button>
    </form>
  );
}
