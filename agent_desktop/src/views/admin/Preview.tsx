import { useEffect, useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { t, word } from "../../i18n";
import type { ErrorBody, FlowPreview, PreviewStep } from "../../protocol";
import { bodyOf } from "./model";

/** What a lookup answers instead of the sample. */
interface LookupAnswer {
  outcome: "found" | "nothing" | "failed";
  values: Record<string, unknown>;
}

const OUTCOMES = ["answered", "timed_out", "refused", "callback", "key_exit"];
const LOOKUPS: LookupAnswer["outcome"][] = ["found", "nothing", "failed"];
const ENDS: ReadonlySet<PreviewStep["what"]> = new Set(["queue", "transfer", "end"]);

type Answers = Record<string, LookupAnswer>;

/** A call through the text as it stands, saved or not: keys in, words out in every language, lookups answered as one likes. */
export function Preview({ file, text, go, lines }: { file: string; text: string; go: (line: number) => void; lines: Record<string, number> }) {
  const [answers, setAnswers] = useState<string[]>([]);
  const [caller, setCaller] = useState("");
  const [language, setLanguage] = useState("zh");
  const [at, setAt] = useState("");
  const [found, setFound] = useState<Answers>({});
  const [walked, setWalked] = useState<FlowPreview | null>(null);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  useEffect(() => {
    let isStale = false;
    const moment = at ? new Date(at).getTime() * 1000 : null;
    void request<FlowPreview>("POST", `/admin/flows/${encodeURIComponent(file)}/preview`, { text, caller, language, answers, at: moment, found }).then(
      (next) => { if (!isStale) { setWalked(next); setTrouble(null); } },
      (error: unknown) => { if (!isStale) setTrouble(bodyOf(error)); },
    );
    return () => { isStale = true; };
  }, [answers, caller, language, at, found, text]);
  const again = (change: () => void) => { change(); setAnswers([]); };
  const asked = new Map((walked?.steps ?? []).filter((step) => step.what === "lookup").map((step) => [step.about, step]));
  const end = walked?.wants === null ? walked.steps.filter((step) => ENDS.has(step.what)).at(-1) : undefined;
  return (
    <div class="admin-preview" data-test="preview">
      <div class="admin-setting">
        <label>{t("caller")}<input type="tel" value={caller} maxLength={21} placeholder={t("withheld")} onInput={(event) => again(() => setCaller(event.currentTarget.value.replace(/[^+0-9]/g, "")))} data-test="preview-caller" /></label>
        <label>{t("spoken")}<select value={language} onChange={(event) => again(() => setLanguage(event.currentTarget.value))}>{["zh", "en"].map((one) => <option key={one} value={one}>{word("spoken", one)}</option>)}</select></label>
        <label>{t("admin.preview.at")}<input type="datetime-local" value={at} onInput={(event) => again(() => setAt(event.currentTarget.value))} data-test="preview-at" /></label>
        {asked.size > 0 && <p class="label">{t("admin.preview.lookups")}</p>}
        {[...asked].map(([which, step]) => <Lookup key={which} which={which} step={step} given={found[which]} give={(answer) => { const { [which]: _, ...others } = found; setFound(answer === null ? others : { ...others, [which]: answer }); }} />)}
        <div class="controls">
          <button type="button" onClick={() => setAnswers([])} data-test="preview-again">{t("admin.preview.again")}</button>
          <button type="button" disabled={answers.length === 0} onClick={() => setAnswers(answers.slice(0, -1))} data-test="preview-back">{t("admin.preview.back")}</button>
        </div>
      </div>
      <div class="admin-walk">
        {trouble && <p class="warn" role="alert">{errorText(trouble)}</p>}
        <ol class="scroll" aria-live="polite" data-test="preview-steps">{walked?.steps.map((step, place) => <Step key={place} step={step} go={() => { const line = lines[step.node]; if (line !== undefined) go(line); }} />)}</ol>
        {end && <p class="admin-end" role="status" data-test="preview-end">{t("admin.preview.ends")} <strong>{word("admin.preview", end.what)} {end.about} {end.answer ? word("outcome", end.answer) : ""}</strong></p>}
        {walked && <Asked wants={walked.wants} secret={walked.steps.at(-1)?.secret ?? false} answer={(given) => setAnswers([...answers, given])} key={answers.length} />}
      </div>
    </div>
  );
}

/** What a lookup answers: as the sample does, or as one wants to see it. */
function Lookup(props: { which: string; step: PreviewStep; given: LookupAnswer | undefined; give: (answer: LookupAnswer | null) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const values = typed ?? JSON.stringify(props.given?.values ?? props.step.values, null, 1);
  const parsed = table(values);
  const choose = (outcome: string) => {
    setTyped(null);
    if (outcome === "") props.give(null);
    else props.give({ outcome: outcome as LookupAnswer["outcome"], values: outcome === "found" ? { ...props.step.values } : {} });
  };
  return (
    <div class="admin-lookup">
      <label><code>{props.which}</code>
        <select value={props.given?.outcome ?? ""} onChange={(event) => choose(event.currentTarget.value)} data-test={`lookup-${props.which}`}>
          <option value="">{t("admin.lookup.sample")}</option>
          {LOOKUPS.map((one) => <option key={one} value={one}>{t(`admin.lookup.${one}` as "admin.lookup.found")}</option>)}
        </select>
      </label>
      {props.given?.outcome === "found" && (
        <>
          <textarea rows={5} spellcheck={false} value={values} aria-label={`${props.which} ${t("admin.lookup.found")}`} aria-invalid={parsed === null ? true : undefined} data-test={`values-${props.which}`}
            onInput={(event) => { const next = event.currentTarget.value; setTyped(next); const found = table(next); if (found !== null) props.give({ outcome: "found", values: found }); }} />
          {parsed === null && <p class="bad" role="alert">{t("admin.lookup.json")}</p>}
        </>
      )}
    </div>
  );
}

function table(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function Step({ step, go }: { step: PreviewStep; go: () => void }) {
  const answer = step.answer === null ? "" : step.secret ? "•".repeat(step.answer.length) : step.answer || t("admin.preview.silence");
  return (
    <li class={`step-${step.what}`}>
      <span class="dim">{step.node && <button type="button" class="plain small" onClick={go}>{step.node}</button>} {word("admin.preview", step.what)} {step.about} {step.outcome && word("admin.lookup", step.outcome)}</span>
      {Object.entries(step.words).map(([language, words]) => <p key={language} lang={language}>{words}</p>)}
      {answer && <p><strong>→ {step.what === "queue" ? word("outcome", answer) : answer}</strong></p>}
    </li>
  );
}

function Asked(props: { wants: FlowPreview["wants"]; secret: boolean; answer: (given: string) => void }) {
  const [keys, setKeys] = useState("");
  switch (props.wants) {
    case null:
      return <p role="status" data-test="preview-over">{t("admin.preview.over")}</p>;
    case "queue":
      return <div class="controls">{OUTCOMES.map((one) => <button type="button" key={one} onClick={() => props.answer(one)} data-test={`outcome-${one}`}>{word("outcome", one)}</button>)}</div>;
    case "transfer":
      return <div class="controls"><button type="button" onClick={() => props.answer("yes")}>{t("admin.preview.reached")}</button><button type="button" onClick={() => props.answer("no")}>{t("admin.preview.not_reached")}</button></div>;
    default:
      return (
        <form class="controls" onSubmit={(event) => { event.preventDefault(); props.answer(keys); }}>
          <label class="admin-inline">{word("admin.preview.ask", props.wants)}
            <input value={keys} class={props.secret ? "admin-secret" : ""} autocomplete="off" maxLength={100} autofocus onInput={(event) => setKeys(event.currentTarget.value)} data-test="preview-keys" /></label>
          <button type="submit" class="primary">{t("admin.preview.press")}</button>
          {props.wants === "keys" && <span class="segments" aria-label={t("admin.preview.keys")}>{[..."123456789*0#"].map((one) => <button type="button" key={one} onClick={() => setKeys(keys + one)}>{one}</button>)}</span>}
        </form>
      );
  }
}
