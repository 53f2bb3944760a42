import { signal } from "@preact/signals";
import { t, word } from "../../i18n";
import type { Thresholds } from "../../protocol";
import { busy, queueName, wish } from "../../state";
import { askThresholds, FORMULAS, thresholds } from "./store";

const NUMBERS = ["waiting", "longest_wait", "service_level", "agents_ready"] as const;
const open = signal(false);

export function ThresholdForm() {
  const show = () => {
    open.value = true;
    void askThresholds();
  };
  if (!open.value) return <button type="button" onClick={show} data-test="thresholds">{t("thresholds")}</button>;
  return (
    <section class="card panel scroll" role="dialog" aria-label={t("thresholds")} onKeyDown={(event) => event.key === "Escape" && (open.value = false)}>
      <p class="dim">{t("threshold_hint")}</p>
      {thresholds.value.map((one) => <OfQueue key={one.queue} limits={one} />)}
      <button type="button" onClick={() => (open.value = false)}>{t("close")}</button>
    </section>
  );
}

function OfQueue({ limits }: { limits: Thresholds }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const numbers = Object.fromEntries(NUMBERS.map((name) => [name, Number(form.get(name))]));
    void wish("set_alarms", { queue: limits.queue, formula: String(form.get("formula")), ...numbers }).then(askThresholds);
  };
  return (
    <form class="threshold" onSubmit={submit} data-test={`threshold-${limits.queue}`}>
      <strong>{queueName(limits.queue)}</strong>
      {NUMBERS.map((name) => (
        <label key={name}>{word("threshold", name)}<input type="number" name={name} min={0} max={name === "service_level" ? 100 : 86400} defaultValue={String(limits[name])} required /></label>
      ))}
      <label>{word("threshold", "formula")}
        <select name="formula">{FORMULAS.map((one) => <option key={one} value={one} selected={one === limits.formula}>{one}</option>)}</select>
      </label>
      <button type="submit" disabled={busy.value}>{t("save")}</button>
    </form>
  );
}
