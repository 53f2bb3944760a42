import { useRef } from "preact/hooks";
import { language, span, t, word } from "../i18n";
import { nameOf } from "../people";
import type { Me } from "../protocol";
import { busy, now, onlyLive, pauseCodes, wish } from "../state";
import { closeWhenLeft } from "./Act";
import { Icon } from "./Icon";
import { goReady, inCall } from "./phone/desk";
import { endWrapUp, work } from "./work/store";

/** The agent's own state: what the system sees, what he asked for, since when, until when; and the ways to change it. */
export function State({ own }: { own: Me }) {
  return (
    <section {...onlyLive("state")} aria-labelledby="state-title" data-test="state-card">
      <h2 id="state-title" class="hidden">{t("state")}</h2>
      <div class="says">
        <p class="big" data-test="system" aria-live="polite">{headline(own)}</p>
        {(own.held || !inCall(own)) && <Clock own={own} />}
        <p class="intent" data-test="intent">{intent(own)}</p>
      </div>
      <Controls own={own} />
    </section>
  );
}

const UNOCCUPIED = ["available", "unreachable", "busy"];

export function tone(own: Me): string {
  if (own.system === "offered") return "ringing";
  if (!UNOCCUPIED.includes(own.system)) return "working";
  if (own.intent !== "ready") return "away";
  return own.system === "available" ? "free" : "trouble";
}

function headline(own: Me): string {
  if (own.held) return word("system", "held");
  if (own.intent === "ready" || !UNOCCUPIED.includes(own.system)) return word("system", own.system);
  return word("intent", own.intent);
}

/** A wrap-up that comes to its end by itself. */
function ends(own: Me): own is Me & { deadline: number } {
  return own.system === "wrap_up" && own.deadline !== null && work.value?.until_done !== true;
}

/** What he asked for; of a wrap-up, what follows it. */
function intent(own: Me): string {
  const reason = own.intent === "paused" && own.reason ? ` · ${reasonWord(own.reason)}` : "";
  const phone = own.system === "unreachable" && own.intent !== "ready" ? ` · ${word("system", own.system)}` : "";
  const by = own.by ? ` · ${t("by_other")} ${nameOf(own.by)}` : "";
  const then = own.system === "wrap_up" ? t("then") : "";
  return then + word("intent", own.intent) + reason + by + phone;
}

export function reasonWord(reason: string): string {
  const code = pauseCodes.value.find((one) => one.code === reason);
  if (code !== undefined) return language.value === "en" ? code.en : code.zh;
  return word("reason", reason);
}

const LAST: number = 10_000_000;

/** Wrap-up counts down to its deadline, everything else counts up. */
function Clock({ own }: { own: Me }) {
  if (ends(own)) {
    const left = own.deadline - now.value;
    return (
      <p class={`clock ${left <= LAST ? "last" : ""}`} data-test="countdown">
        {t("remaining")} <time>{span(left)}</time>
        <span class="hidden" role="status">{left <= LAST && t("wrap_up_ends")}</span>
      </p>
    );
  }
  return <p class="clock">{t("since")} <time>{span(now.value - own.since)}</time></p>;
}

function Controls({ own }: { own: Me }) {
  if (own.intent === "signed_out") {
    return <p class="controls"><button type="button" class="primary" disabled={busy.value} onClick={() => void wish("sign_in", {})} data-test="start-work">{t("start_work")}</button></p>;
  }
  return (
    <div class="controls">
      {own.system === "wrap_up" && <WrapUp />}
      <button type="button" class="primary" aria-pressed={own.intent === "ready"} disabled={busy.value || own.intent === "ready"}
        aria-keyshortcuts="Alt+1" title="Alt+1" onClick={() => void goReady()} data-test="ready">{t("ready")}</button>
      <PauseMenu />
    </div>
  );
}

function WrapUp() {
  return (
    <>
      <button type="button" class="primary" disabled={busy.value} aria-keyshortcuts="Alt+3" title="Alt+3" onClick={() => void endWrapUp()} data-test="end-wrap-up">{t("end_wrap_up")}</button>
      <button type="button" disabled={busy.value || work.value?.extended === true} onClick={() => void wish("extend_wrap_up", {})} data-test="extend-wrap-up">{t("extend_wrap_up")}</button>
    </>
  );
}

function PauseMenu() {
  const menu = useRef<HTMLDetailsElement>(null);
  const choose = (reason: string) => {
    if (menu.current !== null) menu.current.open = false;
    void wish("pause", { reason });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || menu.current === null) return;
    menu.current.open = false;
    menu.current.querySelector("summary")?.focus();
  };
  return (
    <details class="menu" ref={menu} onKeyDown={onKeyDown} onFocusOut={closeWhenLeft} data-test="pause">
      <summary aria-keyshortcuts="Alt+2" title="Alt+2">{t("pause")}<Icon name="down" /></summary>
      <ul>
        {pauseCodes.value.map((code) => (
          <li key={code.code}>
            <button type="button" disabled={busy.value} onClick={() => choose(code.code)} data-test={`pause-${code.code}`}>{reasonWord(code.code)}</button>
          </li>
        ))}
      </ul>
    </details>
  );
}
