import { t, word } from "../../i18n";
import { me } from "../../state";
import { askToNotify, notifying } from "../../softphone/sounds";
import { choose, phone, testing, testPhone } from "./desk";
import { PhoneTest } from "./PhoneTest";

/** Which phone, and whether it works. The calls on it are in the call bar. */
export function PhoneCard() {
  if (me.value === null) return null;
  return (
    <section class="card phone" aria-labelledby="phone-title">
      <h2 id="phone-title" class="label">{t("phone")}</h2>
      {phone.possible.value && <Choice />}
      {phone.use.value === "softphone" && <Softphone />}
      {notifying.value === "default" && <button type="button" class="quiet" onClick={() => void askToNotify()} data-test="allow-notifications">{t("allow_notifications")}</button>}
      {notifying.value === "denied" && <p class="dim" data-test="notifications-denied">{t("notifications_denied")}</p>}
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
        <button type="button" onClick={testPhone} disabled={phone.lines.value.length > 0} aria-expanded={testing.value} data-test="try-phone">{t("try_phone")}</button>
      </p>
      {testing.value ? <PhoneTest /> : phone.microphone.value !== null && phone.microphone.value !== "good" && (
        <p class="warn" role="status" data-test="microphone">{word("microphone", phone.microphone.value)}</p>
      )}
    </>
  );
}
