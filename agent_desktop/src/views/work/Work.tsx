import { useState } from "preact/hooks";
import { errorText } from "../../errors";
import { day, percent, span, t, word } from "../../i18n";
import type { ErrorBody, WorkedCall } from "../../protocol";
import { me, pop, queueName } from "../../state";
import { Icon } from "../Icon";
import { Codes } from "./Codes";
import { asError } from "./Form";
import { Note, RefusedNotes } from "./Note";
import { callInHand, codeWord, figures, later, missing, openLater, work, worked } from "./store";
import { Tel } from "./Tel";
import { Tasks } from "./Tasks";
import { NewTicket } from "./Tickets";

/** What the agent writes while he talks and wraps up; what waits for him while he does neither. */
export function Work() {
  return (
    <>
      <RefusedNotes />
      {callInHand.value === null ? <Tasks /> : <OfCall callId={callInHand.value} />}
    </>
  );
}

function OfCall({ callId }: { callId: string }) {
  const wrapping = me.value?.system === "wrap_up";
  return (
    <section class={`card work ${wrapping ? "wrapping" : ""}`} aria-labelledby="work-title" data-test="work">
      <h2 id="work-title" class="label">
        {t(wrapping ? "after_call" : "this_call_work")}
        {wrapping && work.value?.until_done === true && <span class="count" data-test="until-done">{t("until_done")}</span>}
      </h2>
      {work.value !== null && <Codes work={work.value} waiting={wrapping} shortcut="Alt+b" />}
      <Note key={callId} callId={callId} shortcut="Alt+n" />
      {pop.value?.call_id === callId && <NewTicket pop={pop.value} />}
    </section>
  );
}

/** One's own numbers of today, of what has ended. */
export function OwnFigures() {
  const day = figures.value;
  if (day === null) return null;
  const rows: [string, string, string][] = [
    ["answered", t("answered"), String(day.answered)],
    ["missed", t("missed"), String(day.missed)],
    ["occupancy", t("occupancy"), percent(day.occupancy)],
    ["placed", t("placed"), `${day.placed} / ${day.reached}`],
    ["talk", t("talk"), span(day.talk_micros)],
    ["hold", t("on_hold"), span(day.hold_micros)],
    ["wrap-up", t("wrap_up"), span(day.wrap_up_micros)],
    ["average", t("average"), day.average_micros === null ? "–" : span(day.average_micros)],
  ];
  return (
    <section class="card" aria-labelledby="figures-title">
      <h2 id="figures-title" class="label">{t("today")}</h2>
      <dl class="facts" data-test="figures">
        {rows.map(([key, name, value]) => <div key={key}><dt>{name}</dt><dd data-test={`figure-${key}`}>{value}</dd></div>)}
      </dl>
    </section>
  );
}

/** One's own calls of today, newest first, with what was noted; before them those of earlier days whose code is missing. */
export function OwnCalls() {
  const today = new Set(worked.value.map((call) => call.call_id));
  const earlier = missing.value.filter((call) => !today.has(call.call_id));
  const lacking = earlier.length + worked.value.filter((call) => call.code_missing).length;
  return (
    <section class="card scroll" aria-labelledby="calls-title">
      <h2 id="calls-title" class="label">{t("my_calls")}</h2>
      {lacking > 0 && <p class="warn lacking" role="status" data-test="codes-lacking"><Icon name="alert" />{t("codes_lacking")}: {lacking}</p>}
      {today.size === 0 && <p class="dim">{t("no_calls")}</p>}
      <ol class="calls" data-test="calls">
        {earlier.map((call) => <OwnCall key={call.call_id} call={call} when={day(call.at)} />)}
        {worked.value.map((call) => <OwnCall key={call.call_id} call={call} when={day(call.at)} />)}
      </ol>
    </section>
  );
}

function OwnCall({ call, when }: { call: WorkedCall; when: string }) {
  return (
    <li class={call.code_missing ? "lacks" : ""}>
      <span class="dim">{when} {[call.direction === "outbound" && t("outgoing"), call.queue && queueName(call.queue), call.outcome && word("outcome", call.outcome), span(call.talk_micros)].filter(Boolean).join(" · ")}</span>
      <strong><bdi>{call.customer_name ?? (call.caller ? "" : t("withheld"))}</bdi> {call.caller !== "" && <Tel number={call.caller} />}</strong>
      <span class="dim">{[call.disposition && codeWord(call.disposition), ...call.tickets].filter(Boolean).join(" · ")}</span>
      {call.note !== "" && <span class="excerpt" dir="auto" data-test="call-note">{call.note}</span>}
      {callInHand.value !== call.call_id && <Later call={call} />}
    </li>
  );
}

/** The note and code of a call that is over, opened where it is listed. */
function Later({ call }: { call: WorkedCall }) {
  const [error, tell] = useState<ErrorBody | null>(null);
  const opened = later.value?.call_id === call.call_id ? later.value : null;
  const open = () => void openLater(call.call_id).then(() => tell(null), (failure) => tell(asError(failure)));
  return (
    <>
      {error !== null && <span class="bad" role="alert">{errorText(error)}</span>}
      {opened === null ? (
        <button type="button" class={`small ${call.code_missing ? "lack" : "quiet"}`} onClick={open} data-test={call.code_missing ? "complete" : "edit-call"}>
          {call.code_missing ? <><Icon name="alert" />{t("complete_code")}</> : <><Icon name="edit" />{t("edit")}</>}
        </button>
      ) : (
        <div class="inset" data-test="later">
          <Codes work={opened} waiting />
          <Note callId={call.call_id} />
          <button type="button" class="small" onClick={() => (later.value = null)} data-test="close-later">{t("close_card")}</button>
        </div>
      )}
    </>
  );
}
