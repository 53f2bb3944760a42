import { t, word } from "../../i18n";
import { me } from "../../state";
import { choose, phone, testPhone } from "./desk";

/** Which phone, and whether it works. The calls on it are in the call bar. */
export function PhoneCard() {
  if (me.value === null) return null;
  return (
    <section class="card phone" aria-labelledby="phone-title">
      <h2 id="phone-title" class="label">{t("phone")}</h2>
      {phone.possible.value && <Choice />}
      {phone.use.value === "softphone" && <Softphone />}
      {phone.fault.value !== null && <p class="warn" role="alert" data-test="phone-fault">{word("fault", phone.fault.value)}</p>}
    </section>
  );
}

function Choice() {
  return (
    <div class="segments" role="group" aria-label={t("phone_use")}>
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
