import { t, word } from "../../i18n";
import type { StateLimits, Thresholds } from "../../protocol";
import { busy, queueName } from "../../state";
import { Panel, PanelButton } from "./Panel";
import { act, askThresholds, FORMULAS, limits, thresholds } from "./store";

const NUMBERS = ["waiting", "longest_wait", "service_level", "agents_ready"] as const;
const STATES = ["talking", "held", "wrap_up", "paused", "trouble"] as const;
const EVERY = "*";

function title(queue: string): string {
  return queue === EVERY ? t("every_queue") : queueName(queue);
}

export function ThresholdButton() {
  return <PanelButton name="thresholds" icon="settings" label={t("thresholds_short")} open={() => void askThresholds()} test="thresholds" />;
}

export function ThresholdForm() {
  return (
    <Panel name="thresholds" title={t("thresholds")} test="threshold-panel">
      <p class="dim">{t("threshold_hint")}</p>
      <div class="threshold heads" aria-hidden="true">
        <span>{t("queue")}</span>
        {NUMBERS.map((name) => <span key={name}>{word("threshold", name)}</span>)}
        <span>{word("threshold", "formula")}</span>
      </div>
      {thresholds.value.map((one) => <OfQueue key={`${one.queue}${JSON.stringify(one)}`} limits={one} />)}
      {limits.value !== null && <OfStates set={limits.value} />}
    </Panel>
  );
}

/** A field left empty is 0: never. */
function numbers<Name extends string>(form: HTMLFormElement, names: readonly Name[]): Record<Name, number> {
  const data = new FormData(form);
  return Object.fromEntries(names.map((name) => [name, Number(data.get(name))])) as Record<Name, number>;
}

function Field(props: { name: string; label: string; value: number; most?: number }) {
  return (
    <input type="number" name={props.name} min={0} max={props.most ?? 86400} defaultValue={props.value === 0 ? "" : String(props.value)} placeholder="–" aria-label={props.label} />
  );
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
    <form class={`threshold ${limits.own ? "" : "general"}`} onSubmit={submit} aria-label={title(limits.queue)} data-test={`threshold-${limits.queue}`}>
      <strong title={title(limits.queue)}><bdi class="short">{title(limits.queue)}</bdi></strong>
      {NUMBERS.map((name) => (
        <Field key={name} name={name} label={word("threshold", name)} value={limits[name]} {...(name === "service_level" && { most: 100 })} />
      ))}
      <select name="formula" aria-label={word("threshold", "formula")}>{FORMULAS.map((one) => <option key={one} value={one} selected={one === limits.formula}>{one}</option>)}</select>
      <span class="ends">
        <button type="submit" class="small" disabled={busy.value}>{t("save")}</button>
        {limits.queue !== EVERY && limits.own && <button type="button" class="small plain" disabled={busy.value} onClick={inherit} data-test="inherit">{t("as_every_queue")}</button>}
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
    <form class="state-limits" onSubmit={submit} aria-label={t("state_limits")} data-test="state-limits">
      <h3 class="label">{t("state_limits")}</h3>
      {STATES.map((name) => {
        const label = name === "held" ? word("system", "held") : word("state", name);
        return <label key={name}>{label}<Field name={name} label={label} value={set[name]} /></label>;
      })}
      <button type="submit" class="small" disabled={busy.value}>{t("save")}</button>
    </form>
  );
}
