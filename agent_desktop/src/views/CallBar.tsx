import { span, t, word } from "../i18n";
import type { Me } from "../protocol";
import type { Line } from "../softphone/types";
import { people } from "../numbers";
import { busy, me, now, onlyLive, pop, queueName, wish } from "../state";
import { Act } from "./Act";
import { inCall, line, phone } from "./phone/desk";
import { Dial } from "./phone/Dial";
import { Consultation, who } from "./phone/Consultation";
import { LineControls } from "./phone/LineControls";
import { Transfer } from "./phone/Transfer";
import { State, tone } from "./State";

/** The agent's state, the call in hand and what can be done with it: the same bar for the phone in the page and the one on the desk. */
export function CallBar() {
  const own = me.value;
  if (own === null) return null;
  const inHand = inCall(own);
  return (
    <div class="call-bars">
      <section class={`call-bar ${tone(own)}`} aria-label={t("call")}>
        <State own={own} />
        {inHand ? <InHand own={own} /> : <Dial />}
      </section>
      <div {...onlyLive("contents")}><Consultation /></div>
      {phone.lines.value.filter((one) => one !== shownInHand(own)).map((one) => <OtherLine key={one.id} line={one} />)}
    </div>
  );
}

function shownInHand(own: Me): Line | null {
  return own.call_id === null ? null : line();
}

function InHand({ own }: { own: Me }) {
  return (
    <>
      {own.system === "internal" ? <LeftBehind own={own} /> : <Who own={own} />}
      {own.system === "offered" ? <Offer /> : own.system === "dialling" ? <Dialling /> : <Talk own={own} />}
    </>
  );
}

/** Who it is and how long it has been going on. */
function Who({ own }: { own: Me }) {
  const shown = pop.value;
  const name = shown?.customer?.name || people(shown?.caller ?? "") || t("withheld");
  const since = own.system === "talking" ? (shown?.answered_at ?? own.since) : own.since;
  return (
    <div class="in-hand">
      <strong dir="auto">{shown === null ? t("loading") : name}</strong>
      <span class="dim">
        <time class="clock">{span(now.value - since)}</time>
        {shown?.dialling && ` · ${word("dialling", shown.dialling)}`}
        {shown?.queue && ` · ${queueName(shown.queue)}`}
      </span>
    </div>
  );
}

/** The caller has gone; those he left talk on. */
function LeftBehind({ own }: { own: Me }) {
  return (
    <div class="in-hand" role="status" data-test="left-behind">
      <strong dir="auto">{own.parties.map(who).join(", ")}</strong>
      <span class="dim"><time class="clock">{span(now.value - own.since)}</time> · {t("caller_gone")}</span>
    </div>
  );
}

function Offer() {
  const ours = line();
  return (
    <div class="acts">
      {ours?.state === "ringing" ? <LineControls line={ours} queued /> : <span class="dim">{t("answer_on_phone")}</span>}
      <div {...onlyLive("acts")}>
        <Act icon="hangup" tone="stop" label={t("reject")} keys="Alt+9" disabled={busy.value} onClick={() => void wish("reject_offer", {})} test="reject" />
      </div>
    </div>
  );
}

/** We call out, and nobody has answered yet. */
function Dialling() {
  return (
    <div class="acts">
      <Act icon="hangup" tone="stop" label={t("hang_up")} keys="Alt+9" disabled={busy.value} onClick={() => void wish("hang_up", {})} test="hang-up" />
    </div>
  );
}

function Talk({ own }: { own: Me }) {
  const ours = line();
  return (
    <div class="acts">
      {ours !== null && <LineControls line={ours} queued />}
      <div {...onlyLive("acts")}>
        {own.system === "talking" && !consultOpen() && <Transfer />}
        <Act icon="hangup" tone="stop" label={t("hang_up")} keys="Alt+9" disabled={busy.value} onClick={() => void wish("hang_up", {})} test="hang-up" />
      </div>
    </div>
  );
}

/** While he consults somebody, that comes to its end first. */
function consultOpen(): boolean {
  const consult = me.value?.consult ?? null;
  return consult !== null && consult.result === null;
}

/** A call at the softphone that is none of the queue's. */
function OtherLine({ line: own }: { line: Line }) {
  const state = { ringing: t("incoming"), dialling: t("calling"), talking: t("in_call") }[own.state];
  return (
    <section class="call-bar strip" aria-label={state} data-test="own-call">
      <div class="in-hand"><strong>{own.peer}</strong><span class="dim">{state}</span></div>
      <div class="acts"><LineControls line={own} /></div>
    </section>
  );
}
