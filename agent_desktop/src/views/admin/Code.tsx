// The text of a flow: line numbers beside it, lines with problems marked, problems listed with a way to them.

import { forwardRef } from "preact/compat";
import { useImperativeHandle, useRef } from "preact/hooks";
import { t } from "../../i18n";
import type { FlowCheck } from "../../protocol";
import { wrongText } from "../../wrong";

export interface CodeHandle {
  go: (line: number) => void;
}
interface Props {
  text: string;
  check: FlowCheck | null;
  edit: (text: string) => void;
  /** The line the cursor stands in. */
  at: (line: number) => void;
}

export const Code = forwardRef<CodeHandle, Props>(function Code({ text, check, edit, at }, ref) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  const problems = check?.problems ?? [];
  const wrong = new Set(problems.map((problem) => problem.line));
  const lines = text.split("\n");
  const go = (line: number) => {
    const from = lines.slice(0, line - 1).reduce((length, one) => length + one.length + 1, 0);
    const place = area.current;
    if (place === null) return;
    place.focus();
    place.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
    place.scrollTop = Math.max(0, (line - 6) * parseFloat(getComputedStyle(place).lineHeight));
  };
  useImperativeHandle(ref, () => ({ go }));
  const tell = (place: HTMLTextAreaElement) => at(text.slice(0, place.selectionStart).split("\n").length);
  return (
    <div class="admin-text">
      <div class="admin-code">
        <pre ref={gutter} aria-hidden="true">{lines.map((_, place) => <span key={place} class={wrong.has(place + 1) ? "wrong" : ""} data-test={wrong.has(place + 1) ? "gutter-wrong" : undefined}>{wrong.has(place + 1) ? "● " : ""}{place + 1}{"\n"}</span>)}</pre>
        <textarea ref={area} aria-label={t("admin.flow.text")} spellcheck={false} wrap="off" value={text} data-test="flow-text" aria-invalid={problems.length > 0 ? true : undefined}
          onInput={(event) => edit(event.currentTarget.value)} onKeyUp={(event) => tell(event.currentTarget)} onClick={(event) => tell(event.currentTarget)}
          onScroll={(event) => { if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop; }} />
      </div>
      <ul class="admin-problems" aria-live="polite" data-test="problems">
        {problems.length > 0 && <li class="dim">{t("admin.flow.live_stays")}</li>}
        {problems.map((problem) => (
          <li key={`${problem.line} ${problem.message}`}>
            <button type="button" class="plain bad" onClick={() => go(problem.line)}>{t("admin.flow.line")} {problem.line}{problem.node ? ` · ${problem.node}` : ""}{problem.field ? ` · ${problem.field}` : ""}: {wrongText(problem, problem.message)}</button>
          </li>
        ))}
      </ul>
      {check !== null && check.missing.length > 0 && (
        <details data-test="missing"><summary>{t("admin.flow.missing")} ({check.missing.length})</summary>
          <ul class="scroll">{check.missing.map((one) => <li key={one.language + one.text}>{one.language}: {one.text}</li>)}</ul>
        </details>
      )}
    </div>
  );
});
