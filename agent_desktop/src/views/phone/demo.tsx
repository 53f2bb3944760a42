import { signal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { request } from "../../api";
import { t, word } from "../../i18n";
import type { DemoPhone } from "../../protocol";
import { loadSoftphone, type Fault, type Line, type Registration, type Softphone } from "../../softphone/types";
import { LanguageSwitch } from "../Language";
import "../../style.css";
import "./phone.css";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const STRANGER = "13900009999";

const told = signal<DemoPhone | null>(null);
const away = signal(false);
const registration = signal<Registration>("off");
const line = signal<Line | null>(null);
const fault = signal<Fault | null>(null);
const pressed = signal("");
const caller = signal("");
let phone: Softphone | null = null;

async function begin(): Promise<void> {
  try {
    const found = await request<DemoPhone>("GET", "/demo/phone");
    caller.value = found.callers[0]?.number ?? STRANGER;
    const make = await loadSoftphone();
    phone = make({
      registration: (state) => (registration.value = state),
      lines: (lines) => (line.value = lines[0] ?? null),
      fault: (what) => (fault.value = what),
    });
    phone.start(found.account);
    told.value = found;
  } catch {
    away.value = true;
  }
}

function call(did: string): void {
  fault.value = null;
  pressed.value = "";
  phone?.call(did, caller.value);
}

function press(key: string): void {
  if (line.value?.state !== "talking") return;
  pressed.value += key;
  phone?.press(line.value.id, key);
}

function Keys() {
  useEffect(() => {
    const type = (event: KeyboardEvent) => {
      if (!KEYS.includes(event.key) || event.altKey || event.ctrlKey || event.target instanceof HTMLSelectElement) return;
      event.preventDefault();
      press(event.key);
    };
    addEventListener("keydown", type);
    return () => removeEventListener("keydown", type);
  }, []);
  return (
    <div class="keys" role="group" aria-label={t("keypad")}>
      {KEYS.map((key) => <button key={key} type="button" disabled={line.value?.state !== "talking"} onClick={() => press(key)} data-test={`key-${key}`}>{key}</button>)}
    </div>
  );
}

function Status() {
  if (away.value) return <p class="bad" role="alert">{t("demo_away")}</p>;
  if (fault.value !== null) return <p class="bad" role="alert" data-test="demo-fault">{word("fault", fault.value)}</p>;
  if (registration.value !== "registered") return <p role="status" data-test="demo-state">{t("demo_waiting")}</p>;
  const state = line.value?.state;
  const text = state === "talking" ? t("in_call") : state === "dialling" ? t("calling") : t("registration.registered");
  return <p class="big" role="status" data-test="demo-state">{text}</p>;
}

function Demo() {
  const can = registration.value === "registered" && line.value === null;
  return (
    <main class="single">
      <div class="card demo">
        <h1>{t("demo_title")}</h1>
        <p class="dim">{t("demo_hint")}</p>
        <label>{t("demo_as")}
          <select value={caller.value} disabled={line.value !== null} onChange={(event) => (caller.value = event.currentTarget.value)} data-test="demo-caller">
            {told.value?.callers.map((one) => <option key={one.number} value={one.number}>{one.name} {one.number}</option>)}
            <option value={STRANGER}>{t("demo_other")} {STRANGER}</option>
          </select>
        </label>
        <Status />
        <div class="lines">
          {line.value === null
            ? told.value?.dids.map((did) => <button key={did} type="button" class="primary" disabled={!can} onClick={() => call(did)} data-test={`call-${did}`}>{t("demo_line")} {did}</button>)
            : <button type="button" class="danger" onClick={() => line.value && phone?.hangUp(line.value.id)} data-test="demo-hang-up">{t("hang_up")}</button>}
        </div>
        <Keys />
        <p class="number" aria-live="polite" data-test="demo-pressed">{pressed.value}</p>
        <LanguageSwitch />
      </div>
    </main>
  );
}

addEventListener("pagehide", () => phone?.stop());
const root = document.getElementById("app");
if (root === null) throw new Error("the page has no #app");
render(<Demo />, root);
void begin();
