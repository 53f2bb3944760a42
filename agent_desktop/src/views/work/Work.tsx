import { span, t, time, word } from "../../i18n";
import { me, pop, queueName } from "../../state";
import { Codes, codeName } from "./Codes";
import { Note } from "./Note";
import { callInHand, codes, figures, work, worked } from "./store";
import { NewTicket } from "./Tickets";

/** What the agent writes while he talks and wraps up. */
export function Work() {
  const callId = callInHand.value;
  if (callId === null) return null;
  const wrapping = me.value?.system === "wrap_up";
  return (
    <section class={`card work ${wrapping ? "wrapping" : ""}`} aria-labelledby="work-title" data-test="work">
      <h2 id="work-title" class="label">{t(wrapping ? "after_call" : "this_call_work")}</h2>
      {work.value !== null && <Codes work={work.value} />}
      <Note key={callId} callId={callId} />
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

/** One's own calls of today, newest first, with what was noted. */
export function OwnCalls() {
  return (
    <section class="card scroll" aria-labelledby="calls-title">
      <h2 id="calls-title" class="label">{t("my_calls")}</h2>
      {worked.value.length === 0 && <p class="dim">{t("no_calls")}</p>}
      <ol class="calls" data-test="calls">
        {worked.value.map((call) => (
          <li key={call.call_id}>
            <span class="dim">{time(call.at)} {[call.queue && queueName(call.queue), call.outcome && word("outcome", call.outcome), span(call.talk_micros)].filter(Boolean).join(" · ")}</span>
            <strong><bdi>{call.customer_name ?? (call.caller || t("withheld"))}</bdi></strong>
            <span class="dim">{[call.disposition && nameOf(call.disposition), ...call.tickets].filter(Boolean).join(" · ")}</span>
            {call.note !== "" && <span class="excerpt" dir="auto" data-test="call-note">{call.note}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function nameOf(code: string): string {
  const known = codes.value.find((one) => one.code === code);
  return known === undefined ? code : codeName(known);
}
