import { useEffect } from "preact/hooks";
import { t, word } from "../../i18n";
import { listDevices, microphones, sound, speakers, type Sound } from "../../softphone/devices";
import { level, tryRing, trySpeaker } from "../../softphone/sounds";
import { chooseSound, heardTone, phone, testing } from "./desk";

/** Microphone, speaker and ring: chosen, tried, and the tone confirmed by the one who must hear it. */
export function PhoneTest() {
  useEffect(() => void listDevices(), []);
  return (
    <div class="phone-test" role="group" aria-label={t("try_phone")} data-test="phone-test">
      <Choose which="microphone" devices={microphones.value} />
      <label class="level"><span>{t("level")}</span><meter min={0} max={0.5} low={0.02} value={level.value} data-test="level" /></label>
      <p class={phone.microphone.value === "good" ? "good" : "warn"} role="status" data-test="microphone">{phone.microphone.value === null ? "…" : word("microphone", phone.microphone.value)}</p>
      <button type="button" onClick={() => void phone.tryMicrophone()} data-test="try-microphone">{t("try_microphone")}</button>
      <Choose which="speaker" devices={speakers.value} />
      <label><span>{t("volume")}</span>
        <input type="range" min={0.1} max={1} step={0.1} value={sound.value.volume} onInput={(event) => chooseSound({ volume: event.currentTarget.valueAsNumber })} data-test="volume" />
      </label>
      <Choose which="ring" devices={speakers.value} />
      <div class="row">
        <button type="button" onClick={trySpeaker} data-test="play-tone">{t("play_tone")}</button>
        <button type="button" onClick={tryRing} data-test="play-ring">{t("play_ring")}</button>
      </div>
      <p>{t("heard_question")}</p>
      <div class="row">
        <button type="button" class="primary" onClick={() => heardTone(true)} data-test="heard">{t("heard_yes")}</button>
        <button type="button" onClick={() => heardTone(false)} data-test="not-heard">{t("heard_no")}</button>
      </div>
      {sound.value.heard === null && <p class="dim">{t("speaker_hint")}</p>}
      <button type="button" class="quiet" onClick={() => (testing.value = false)} data-test="close-test">{t("dismiss")}</button>
    </div>
  );
}

function Choose({ which, devices }: { which: keyof Pick<Sound, "microphone" | "speaker" | "ring">; devices: readonly MediaDeviceInfo[] }) {
  const known = devices.filter((one) => one.deviceId !== "" && one.deviceId !== "default");
  const chosen = sound.value[which];
  return (
    <label><span>{word("device", which)}</span>
      <select value={chosen} onChange={(event) => chooseSound({ [which]: event.currentTarget.value })} data-test={`choose-${which}`}>
        <option value="">{t("device_default")}</option>
        {known.map((one, index) => <option key={one.deviceId} value={one.deviceId}>{one.label || `${word("device", which)} ${index + 1}`}</option>)}
        {chosen !== "" && !known.some((one) => one.deviceId === chosen) && <option value={chosen}>{t("device_missing")}</option>}
      </select>
    </label>
  );
}
