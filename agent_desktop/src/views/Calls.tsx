import { span, t, time, word } from "../i18n";
import { calls, queueName } from "../state";

export function Calls() {
  return (
    <section class="card scroll" aria-labelledby="calls-title">
      <h2 id="calls-title" class="label">{t("my_calls")}</h2>
      {calls.value.length === 0 && <p class="dim">{t("no_calls")}</p>}
      <ol class="calls" data-test="calls">
        {calls.value.map((call) => (
          <li key={call.call_id}>
            <span class="dim">{time(call.at)}</span>
            <strong>{call.customer_name ?? (call.caller || t("withheld"))}</strong>
            <span class="dim">
              {[call.queue && queueName(call.queue), call.outcome && word("outcome", call.outcome), span(call.talk_micros)].filter(Boolean).join(" · ")}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
