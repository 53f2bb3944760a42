import { useComputed } from "@preact/signals";
import { count, percent, span, t, time, word } from "../../i18n";
import { counts, queues } from "../../rows";
import { now } from "../../state";
import { Icon, type IconName } from "../Icon";
import { filter, formula, stateOf, states, STATES, urgency, waitingNow, wall, type State } from "./store";

export const FACES: Record<ReturnType<typeof stateOf>, IconName> = { ready: "check", talking: "headset", wrap_up: "edit", paused: "pause", trouble: "alert" };

/** The whole floor in one line. A state is also a filter. */
export function Totals() {
  const today = counts.value;
  return (
    <section class="totals card" aria-label={t("totals")} data-test="totals">
      <dl>
        <Figure name={t("waiting")} value={count(waitingNow.value)} tone={waitingNow.value > 0 ? "some" : ""} test="total-waiting" />
        <Longest />
        <Figure name={t("offered")} value={count(today.offered)} />
        <Figure name={t("answered")} value={count(today.answered)} share={rate(today.answered, today.offered)} test="total-answered" />
        <Figure name={t("abandoned")} value={count(today.abandoned)} share={rate(today.abandoned, today.offered)} />
        <Figure name={`${t("service_level")} ${formula.value}`} value={percent(today.service_levels[formula.value] ?? null)} test="total-level" />
      </dl>
      <div class="states" role="group" aria-label={t("agents")}>
        {STATES.map((state) => <StateCount key={state} state={state} />)}
      </div>
      {wall.value && <time class="clock">{time(now.value).slice(0, 5)}</time>}
    </section>
  );
}

function rate(part: number, whole: number): string {
  return whole === 0 ? "" : percent(part / whole);
}

/** Its own part: it changes every second. */
function Longest() {
  const oldest = useComputed(() =>
    queues.all().reduce<{ queue: ReturnType<typeof queues.all>[0]; since: number } | null>(
      (most, queue) => (queue.longest_since !== null && (most === null || queue.longest_since < most.since) ? { queue, since: queue.longest_since } : most), null),
  );
  const long = oldest.value;
  if (long === null) return <Figure name={t("longest")} value="–" />;
  const waited = now.value - long.since;
  return <Figure name={t("longest")} value={span(waited)} tone={urgency(long.queue, waited)} />;
}

function Figure(props: { name: string; value: string; share?: string; tone?: string; test?: string }) {
  return (
    <div class={props.tone ?? ""}>
      <dt>{props.name}</dt>
      <dd><span data-test={props.test}>{props.value}</span>{props.share && <small>{props.share}</small>}</dd>
    </div>
  );
}

function StateCount({ state }: { state: State }) {
  const on = filter.value.state === state;
  const short = state === "ready" && states.count(state) === 0 && waitingNow.value > 0;
  return (
    <button type="button" class={`${state} ${short ? "soon" : ""}`} aria-pressed={on} onClick={() => (filter.value = { ...filter.value, state: on ? "" : state })} data-test={`count-${state}`}>
      <Icon name={FACES[state]} /><strong>{count(states.count(state))}</strong> {word("state", state)}
    </button>
  );
}
