import { render } from "preact";
import { useEffect } from "preact/hooks";
import { language, span, t, word } from "../../i18n";
import { Icon } from "../Icon";
import { LanguageSwitch } from "../Language";
import { ThemeSwitch } from "../Theme";
import { asked, away, begin, call, caller, canCall, end, ended, fault, hangUp, line, microphone, mute, press, pressed, registration, seconds, STRANGER, talking, told } from "./demo_store";
import "../../style.css";
import "./demo.css";

const KEYS: [string, string][] = [
  ["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"],
  ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""],
];
/** The same in every question of every flow. */
const ALWAYS = ["0", "*", "#"] as const;

function Demo() {
  useKeys();
  return (
    <main class="demo">
      <header>
        <h1><span class="mark"><Icon name="answer" /></span>{t("demo_title")}</h1>
        <span class="grow" />
        <ThemeSwitch />
        <LanguageSwitch />
      </header>
      <section class="card handset" aria-label={t("demo_title")}>
        <Caller />
        <Screen />
        <Keypad />
        <Buttons />
      </section>
      <section class="card guide" aria-live="polite" data-test="demo-guide">{talking.value ? <Now /> : <How />}</section>
    </main>
  );
}

function useKeys() {
  useEffect(() => {
    const type = (event: KeyboardEvent) => {
      const on = event.target as HTMLElement;
      if (event.altKey || event.ctrlKey || event.metaKey || on.tagName === "SELECT") return;
      const act = shortcut(event.key, on);
      if (act === null) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", type);
    return () => removeEventListener("keydown", type);
  }, []);
}

function shortcut(key: string, on: HTMLElement): (() => void) | null {
  if (KEYS.some(([one]) => one === key)) return () => press(key);
  if (key === "Escape") return hangUp;
  if (key.toLowerCase() === "m") return mute;
  const did = told.value?.dids[0];
  if (key === "Enter" && did !== undefined && !["BUTTON", "A"].includes(on.tagName)) return () => void call(did);
  return null;
}

function Caller() {
  return (
    <label>{t("demo_as")}
      <select value={caller.value} disabled={line.value !== null} onChange={(event) => (caller.value = event.currentTarget.value)} data-test="demo-caller">
        {told.value?.callers.map((one) => <option key={one.number} value={one.number}>{one.name} {one.number}</option>)}
        <option value={STRANGER}>{t("demo_other")} {STRANGER}</option>
      </select>
    </label>
  );
}

function Screen() {
  return (
    <div class="screen">
      <p class="number">{line.value?.peer}</p>
      <Status />
      {talking.value && <p class="clock"><time data-test="demo-clock">{span(seconds.value * 1_000_000)}</time></p>}
      <p class="number pressed" data-test="demo-pressed">{pressed.value}</p>
    </div>
  );
}

function Status() {
  const trouble = away.value ? t("demo_away") : microphone.value !== null ? word("microphone", microphone.value) : fault.value !== null ? word("fault", fault.value) : null;
  if (trouble !== null && line.value === null) return <p class="bad" role="alert" data-test="demo-fault">{trouble}</p>;
  return (
    <>
      <p class="big" role="status" data-test="demo-state">{state()}</p>
      {trouble !== null && <p class="bad" role="alert" data-test="demo-fault">{trouble}</p>}
    </>
  );
}

function state(): string {
  if (line.value !== null) return t(talking.value ? "in_call" : "calling");
  if (registration.value !== "registered") return t("demo_waiting");
  return t(ended.value ? "demo_ended" : "demo_ready");
}

function Keypad() {
  return (
    <div class="keypad" role="group" aria-label={t("keypad")}>
      {KEYS.map(([key, letters]) => (
        <button key={key} type="button" disabled={!talking.value} aria-label={key} onClick={() => press(key)} data-test={`key-${key}`}>
          <strong>{key}</strong><small>{letters}</small>
        </button>
      ))}
    </div>
  );
}

function Buttons() {
  if (line.value !== null) {
    return (
      <div class="buttons">
        <button type="button" aria-pressed={line.value.muted} disabled={!talking.value} onClick={mute} data-test="demo-mute"><Icon name={line.value.muted ? "mic_off" : "mic"} />{t(line.value.muted ? "unmute" : "mute")}</button>
        <button type="button" class="stop" onClick={hangUp} data-test="demo-hang-up"><Icon name="hangup" />{t("hang_up")}</button>
      </div>
    );
  }
  return (
    <div class="buttons">
      {told.value?.dids.map((did) => (
        <button key={did} type="button" class="go" disabled={!canCall.value} onClick={() => void call(did)} data-test={`call-${did}`}>
          <Icon name="answer" /><span>{did}<small>{first(did)}</small></span>
        </button>
      ))}
    </div>
  );
}

function first(did: string): string {
  const spoken = told.value?.languages[did];
  return spoken ? word("demo_first", spoken) : "";
}

function How() {
  return (
    <>
      <h2>{t("demo_how")}</h2>
      <p class="dim">{t("demo_hint")}</p>
      <ol class="steps">
        <li>{t("demo_step_desk")} <a href="/" target="_blank" rel="noopener">{t("demo_desk")}</a></li>
        <li>{t("demo_step_ready")}</li>
        <li>{t("demo_step_call")}</li>
      </ol>
      <p class="dim">{t("demo_microphone")}</p>
      <p class="dim">{t("demo_keys")}</p>
    </>
  );
}

/** What the flow in force asks at this moment; a line can be pressed like its key. */
function Now() {
  const now = asked.value;
  const step = now === null ? "listening" : now.secret ? "secret" : now.step;
  const always = now !== null && (now.step === "menu" || now.step === "digits") ? ALWAYS : [];
  return (
    <>
      <h2>{t("demo_now")}</h2>
      <p>{word("demo_step", step)}</p>
      <ul class="choices" data-test="demo-choices">
        {now?.keys.map((one) => <Choice key={one.key} of={one.key} words={inPageLanguage(one.label)} />)}
        {always.map((key) => <Choice key={key} of={key} words={word("demo_any", key)} />)}
      </ul>
    </>
  );
}

function inPageLanguage(label: Record<string, string>): string {
  return label[language.value.slice(0, 2)] ?? Object.values(label)[0] ?? "";
}

function Choice(props: { of: string; words: string }) {
  return (
    <li>
      <button type="button" class="quiet" onClick={() => press(props.of)}><kbd>{props.of}</kbd>{props.words}</button>
    </li>
  );
}

addEventListener("pagehide", end);
const root = document.getElementById("app");
if (root === null) throw new Error("the page has no #app");
render(<Demo />, root);
void begin();
