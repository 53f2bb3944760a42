import { useComputed } from "@preact/signals";
import { span, t } from "../../i18n";
import { agents, counts, queues } from "../../rows";
import { now } from "../../state";
import { Icon, type IconName } from "../Icon";
import { percent } from "./QueueTable";
import { filter, formula, stateOf, STATES, urgency, type State } from "./store";
import { word } from "../../i18n";

export const FACES: Record<State, IconName> = { ready: "check", talking: "headset", wrap_up: "edit", paused: "pause", trouble: "alert" };

/** The whole floor in one line. A state is also a filter. */
export function Totals() {
  const waiting = useComputed(() => queues.all().reduce((sum, queue) => sum + queue.waiting, 0));
  const worst = useComputed(() => {
    const found = queues.all().flatMap((queue) => (queue.longest_since === null ? [] : [{ queue, waited: now.value - queue.longest_since }]));
    return found.reduce<{ queue: (typeof found)[0]["queue"]; waited: number } | null>((most, one) => (most === null || one.waited > most.waited ? one : most), null);
  });
  const long = worst.value;
  const today = counts.value;
  return (
    <section class="totals" aria-label={t("totals")} data-test="totals">
      <dl>
        <Figure name={t("waiting")} value={String(waiting.value)} tone={waiting.value > 0 ? "some" : ""} test="total-waiting" />
        <Figure name={t("longest")} value={long === null ? "–" : span(long.waited)} tone={long === null ? "" : urgency(long.queue, long.waited)} />
        <Figure name={t("offered")} value={String(today.offered)} />
        <Figure name={t("answered")} value={String(today.answered)} test="total-answered" />
        <Figure name={t("abandoned")} value={String(today.abandoned)} />
        <Figure name={`${t("service_level")} ${formula.value}`} value={percent(today.service_levels[formula.value] ?? null)} test="total-level" />
      </dl>
      <div class="states" role="group" aria-label={t("agents")}>
        {STATES.map((state) => <StateCount key={state} state={state} />)}
      </div>
    </section>
  );
}

function Figure(props: { name: string; value: string; tone?: string; test?: string }) {
  return <div class={props.tone ?? ""}><dt>{props.name}</dt><dd data-test={props.test}>{props.value}</dd></div>;
}

function StateCount({ state }: { state: State }) {
  const count = useComputed(() => agents.all().filter((agent) => stateOf(agent) === state).length);
  const on = filter.value.state === state;
  return (
    <button type="button" class={state} aria-pressed={on} onClick={() => (filter.value = { ...filter.value, state: on ? "" : state })} data-test={`count-${state}`}>
      <Icon name={FACES[state]} /><strong>{count}</strong> {word("state", state)}
    </button>
  );
}
