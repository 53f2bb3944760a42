import { signal } from "@preact/signals";
import { t, word } from "../../i18n";
import type { StateLimits, Thresholds } from "../../protocol";
import { queueName, busy } from "../../state";
import { act, askThresholds, FORMULAS, limits, thresholds } from "./store";

const NUMBERS = ["waiting", "longest_wait", "service_level", "agents_ready"] as const;
const STATES = ["talking", "held", "wrap_up", "paused", "trouble"] as const;
const EVERY = "*";
const open = signal(false);

function title(queue: string): string {
  return queue === EVERY ? t("every_queue") : queueName(queue);
}

export function ThresholdForm() {
  const show = () => {
    open.value = true;
    void askThresholds();
  };
  if (!open.value) return <button type="button" onClick={show} data-test="thresholds">{t("thresholds")}</button>;
  return (
    <section class="card panel scroll" role="dialog" aria-label={t("thresholds")} onKeyDown={(event) => event.key === "Escape" && (open.value = false)}>
      <p class="dim">{t("threshold_hint")}</p>
      {thresholds.value.map((one) => <OfQueue key={`${one.queue}${JSON.stringify(one)}`} limits={one} />)}
      {limits.value !== null && <OfStates set={limits.value} />}
      <button type="button" onClick={() => (open.value = false)}>{t("close")}</button>
    </section>
  );
}

function numbers<Name extends string>(form: HTMLFormElement, names: readonly Name[]): Record<Name, number> {
  const data = new FormData(form);
  return Object.fromEntries(names.map((name) => [name, Number(data.get(name))])) as Record<Name, number>;
}

function OfQueue({ limits }: { limits: Thresholds }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const wanted = { queue: limits.queue, formula: String(new FormData(form).get("formula")), ...numbers(form, NUMBERS) };
    void act("set_alarms", wanted, `${title(limits.queue)}: ${t("thresholds")} ✓`).then(askThresholds);
  };
  const inherit = () => void act("reset_alarms", { queue: limits.queue }, `${title(limits.queue)}: ${t("every_queue")} ✓`).then(askThresholds);
  return (
    <form class={`threshold ${limits.own ? "" : "general"}`} onSubmit={submit} data-test={`threshold-${limits.queue}`}>
      <strong>{title(limits.queue)}</strong>
      {NUMBERS.map((name) => (
        <label key={name}>{word("threshold", name)}<input type="number" name={name} min={0} max={name === "service_level" ? 100 : 86400} defaultValue={String(limits[name])} required /></label>
      ))}
      <label>{word("threshold", "formula")}
        <select name="formula">{FORMULAS.map((one) => <option key={one} value={one} selected={one === limits.formula}>{one}</option>)}</select>
      </label>
      <span class="ends">
        <button type="submit" disabled={busy.value}>{t("save")}</button>
        {limits.queue !== EVERY && limits.own && <button type="button" disabled={busy.value} onClick={inherit} data-test="inherit">{t("as_every_queue")}</button>}
      </span>
    </form>
  );
}

/** When the time in a state is marked in the table of agents. */
function OfStates({ set }: { set: StateLimits }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void act("set_state_limits", numbers(event.currentTarget as HTMLFormElement, STATES), `${t("state_limits")} ✓`).then(askThresholds);
  };
  return (
    <form class="threshold" onSubmit={submit} data-test="state-limits">
      <strong>{t("state_limits")}</strong>
      {STATES.map((name) => (
        <label key={name}>{name === "held" ? word("system", "held") : word("state", name)}<input type="number" name={name} min={0} max={86400} defaultValue={String(set[name])} required /></label>
      ))}
      <span class="ends"><button type="submit" disabled={busy.value}>{t("save")}</button></span>
    </form>
  );
}
