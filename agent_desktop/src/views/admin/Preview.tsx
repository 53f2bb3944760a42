import { useEffect, useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { t, word } from "../../i18n";
import type { ErrorBody, FlowPreview, PreviewStep } from "../../protocol";
import { bodyOf } from "./model";

const OUTCOMES = ["answered", "timed_out", "refused", "callback", "key_exit"];
const CALLERS = ["", "13900000001", "13900000002", "13900000003"];

/** A call through the text as it stands, saved or not: keys in, words out in every language. */
export function Preview({ file, text }: { file: string; text: string }) {
  const [answers, setAnswers] = useState<string[]>([]);
  const [caller, setCaller] = useState("");
  const [language, setLanguage] = useState("zh");
  const [walked, setWalked] = useState<FlowPreview | null>(null);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  useEffect(() => {
    const body = { text, caller, language, answers };
    void request<FlowPreview>("POST", `/admin/flows/${encodeURIComponent(file)}/preview`, body).then(
      (found) => { setWalked(found); setTrouble(null); },
      (error: unknown) => setTrouble(bodyOf(error)),
    );
  }, [answers, caller, language, text]);
  const again = (change: () => void) => { change(); setAnswers([]); };
  return (
    <div class="admin-preview" data-test="preview">
      <div class="controls row">
        <label class="admin-inline">{t("caller")}<select value={caller} onChange={(event) => again(() => setCaller(event.currentTarget.value))}>{CALLERS.map((one) => <option key={one} value={one}>{one || t("unknown_caller")}</option>)}</select></label>
        <label class="admin-inline">{t("spoken")}<select value={language} onChange={(event) => again(() => setLanguage(event.currentTarget.value))}>{["zh", "en"].map((one) => <option key={one} value={one}>{word("spoken", one)}</option>)}</select></label>
        <button type="button" onClick={() => setAnswers([])}>{t("admin.preview.again")}</button>
        <button type="button" disabled={answers.length === 0} onClick={() => setAnswers(answers.slice(0, -1))}>{t("admin.preview.back")}</button>
      </div>
      {trouble && <p class="warn" role="alert">{errorText(trouble)} {trouble.message}</p>}
      {walked && <Asked wants={walked.wants} secret={walked.steps.at(-1)?.secret ?? false} answer={(given) => setAnswers([...answers, given])} key={answers.length} />}
      <ol class="scroll" aria-live="polite" data-test="preview-steps">{walked?.steps.map((step, at) => <Step key={at} step={step} />)}</ol>
    </div>
  );
}

function Step({ step }: { step: PreviewStep }) {
  const answer = step.answer === null ? "" : step.secret ? "•".repeat(step.answer.length) : step.answer || t("admin.preview.silence");
  return (
    <li>
      <span class="dim">{step.node} · {word("admin.preview", step.what)} {step.about}</span>
      {Object.entries(step.words).map(([language, words]) => <p key={language} lang={language}>{words}</p>)}
      {answer && <p><strong>→ {answer}</strong></p>}
    </li>
  );
}

function Asked(props: { wants: FlowPreview["wants"]; secret: boolean; answer: (given: string) => void }) {
  const [keys, setKeys] = useState("");
  switch (props.wants) {
    case null:
      return <p role="status" data-test="preview-over">{t("admin.preview.over")}</p>;
    case "queue":
      return <div class="controls row">{OUTCOMES.map((one) => <button type="button" key={one} onClick={() => props.answer(one)} data-test={`outcome-${one}`}>{word("outcome", one)}</button>)}</div>;
    case "transfer":
      return <div class="controls row"><button type="button" onClick={() => props.answer("yes")}>{t("admin.preview.reached")}</button><button type="button" onClick={() => props.answer("no")}>{t("admin.preview.not_reached")}</button></div>;
    default:
      return (
        <form class="controls row" onSubmit={(event) => { event.preventDefault(); props.answer(keys); }}>
          <label class="admin-inline">{word("admin.preview.ask", props.wants)}
            <input value={keys} class={props.secret ? "admin-secret" : ""} autocomplete="off" maxLength={100} autofocus onInput={(event) => setKeys(event.currentTarget.value)} data-test="preview-keys" /></label>
          <button type="submit" class="primary">{t("admin.preview.press")}</button>
        </form>
      );
  }
}
