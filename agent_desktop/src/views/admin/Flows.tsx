// Flows: text with its problems in the gutter, the drawing, a preview, versions. The text typed stays whatever happens.

import { useEffect, useRef, useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { day, t } from "../../i18n";
import type { ErrorBody, FlowCheck, FlowRow, FlowText, FlowVersionRow, FlowVersionText } from "../../protocol";
import { inLanguage } from "./Fields";
import { wrongText } from "../../wrong";
import { bodyOf } from "./model";
import { Preview } from "./Preview";

type Tab = "text" | "drawing" | "preview" | "history";
const TABS: Tab[] = ["text", "drawing", "preview", "history"];
const CHECK_MS = 400;
/** What was typed and not saved, by file: a change of section does not lose it. */
const typed = new Map<string, { text: string; seen: string | null }>();

const path = (file: string, rest = "") => `/admin/flows/${encodeURIComponent(file)}${rest}`;

export function Flows() {
  const [files, setFiles] = useState<FlowRow[]>([]);
  const [chosen, choose] = useState<string | null>(null);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const list = () => void request<FlowRow[]>("GET", "/admin/flows").then(setFiles, (error: unknown) => setTrouble(bodyOf(error)));
  useEffect(list, []);
  const fresh = () => {
    const name = prompt(t("admin.flow.new_name"), "night.yaml");
    if (name) choose(name);
  };
  return (
    <div class="admin-parts">
      <div class="card scroll">
        <button type="button" class="primary" onClick={fresh}>{t("admin.new")}</button>
        {trouble && <p class="warn" role="alert">{errorText(trouble)}</p>}
        <ul class="admin-list">
          {files.map((row) => (
            <li key={row.file}>
              <button type="button" aria-current={chosen === row.file ? "true" : undefined} onClick={() => choose(row.file)} data-test={`flow-${row.file}`}>
                {inLanguage(row.title) || row.file} <span class="dim">{row.file}</span>
                {row.problems > 0 && <span class="bad"> {row.problems} ⚠</span>}
                <span class="dim"> {row.saved_at === null ? t("admin.flow.by_hand") : `${row.saved_by} ${day(row.saved_at)}`}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
      {chosen !== null && <Editor key={chosen} file={chosen} isNew={!files.some((row) => row.file === chosen)} changed={list} />}
    </div>
  );
}

function Editor({ file, isNew, changed }: { file: string; isNew: boolean; changed: () => void }) {
  const [text, setText] = useState(typed.get(file)?.text ?? "");
  const [seen, setSeen] = useState<string | null>(typed.get(file)?.seen ?? null);
  const [check, setCheck] = useState<FlowCheck | null>(null);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const [note, setNote] = useState("");
  const [saved, setSaved] = useState(false);
  const [tab, setTab] = useState<Tab>("text");
  const take = (found: FlowText) => {
    setText(found.text);
    setSeen(found.seen);
    setCheck(found);
    setTrouble(null);
    typed.delete(file);
  };
  const refuse = (error: unknown) => setTrouble(bodyOf(error));
  useEffect(() => {
    if (!typed.has(file) && !isNew) void request<FlowText>("GET", path(file)).then(take, refuse);
  }, []);
  useEffect(() => {
    if (text === "") return;
    let stale = false;
    const timer = setTimeout(() => void request<FlowCheck>("POST", path(file, "/check"), { text }).then((found) => stale || setCheck(found), refuse), CHECK_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [text]);
  const edit = (next: string) => {
    setText(next);
    setSaved(false);
    typed.set(file, { text: next, seen });
  };
  const save = async () => {
    try {
      take(await request<FlowText>("POST", path(file), { text, seen, note }));
      setSaved(true);
      setNote("");
      changed();
    } catch (error) {
      const body = bodyOf(error);
      setTrouble(body);
      setSaved(false);
    }
  };
  const now = trouble?.code === "conflict" ? (trouble.details as { now?: { text: string; seen: string } | null; by?: string }) : null;
  return (
    <section class="card admin-flow" data-test="flow">
      <nav aria-label={file}>{TABS.map((one) => <button type="button" key={one} aria-current={tab === one ? "page" : undefined} onClick={() => setTab(one)} data-test={`tab-${one}`}>{t(`admin.flow.${one}`)}</button>)}</nav>
      {trouble && <p class="warn" role="alert" data-test="trouble">{errorText(trouble)} {trouble.message}</p>}
      {now?.now && (
        <div class="controls row">
          <button type="button" onClick={() => { edit(now.now?.text ?? ""); setSeen(now.now?.seen ?? null); setTrouble(null); }}>{t("admin.take_theirs")}</button>
          <button type="button" onClick={() => { setSeen(now.now?.seen ?? null); setTrouble(null); }}>{t("admin.keep_mine")}</button>
        </div>
      )}
      {saved && <p class="good" role="status" data-test="saved">{t("admin.flow.in_force")}</p>}
      {tab === "text" && <Text text={text} check={check} edit={edit} />}
      {tab === "drawing" && <Drawing svg={check?.svg ?? null} name={file} />}
      {tab === "preview" && <Preview file={file} text={text} />}
      {tab === "history" && <History file={file} restore={(old) => { edit(old); setTab("text"); }} />}
      <form class="controls row admin-actions" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <label class="admin-inline">{t("admin.flow.note")}<input value={note} maxLength={200} onInput={(event) => setNote(event.currentTarget.value)} data-test="note" /></label>
        <button type="submit" class="primary" disabled={check === null || check.problems.length > 0} data-test="save">{t("admin.flow.save")}</button>
        {typed.has(file) && !isNew && <button type="button" onClick={() => void request<FlowText>("GET", path(file)).then(take, refuse)}>{t("admin.discard")}</button>}
      </form>
    </section>
  );
}

/** Line numbers stand beside the text; a line with a problem is marked, and its problems are listed with a way to it. */
function Text({ text, check, edit }: { text: string; check: FlowCheck | null; edit: (text: string) => void }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  const problems = check?.problems ?? [];
  const wrong = new Set(problems.map((problem) => problem.line));
  const go = (line: number) => {
    const from = text.split("\n").slice(0, line - 1).reduce((length, one) => length + one.length + 1, 0);
    area.current?.focus();
    area.current?.setSelectionRange(from, from + (text.split("\n")[line - 1]?.length ?? 0));
    if (area.current) area.current.scrollTop = Math.max(0, (line - 6) * parseFloat(getComputedStyle(area.current).lineHeight));
  };
  return (
    <>
      <div class="admin-code">
        <pre ref={gutter} aria-hidden="true">{text.split("\n").map((_, at) => <span key={at} class={wrong.has(at + 1) ? "wrong" : ""} data-test={wrong.has(at + 1) ? "gutter-wrong" : undefined}>{wrong.has(at + 1) ? "● " : ""}{at + 1}{"\n"}</span>)}</pre>
        <textarea ref={area} aria-label={t("admin.flow.text")} spellcheck={false} wrap="off" value={text} data-test="flow-text" aria-invalid={problems.length > 0 ? true : undefined}
          onInput={(event) => edit(event.currentTarget.value)} onScroll={(event) => { if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop; }} />
      </div>
      <ul class="admin-problems" aria-live="polite" data-test="problems">
        {problems.map((problem) => <li key={`${problem.line} ${problem.message}`}><button type="button" class="plain bad" onClick={() => go(problem.line)}>{t("admin.flow.line")} {problem.line}{problem.node ? ` · ${problem.node}` : ""}: {wrongText(problem, problem.message)}</button></li>)}
      </ul>
      {check !== null && check.missing.length > 0 && (
        <details data-test="missing"><summary>{t("admin.flow.missing")} ({check.missing.length})</summary>
          <ul>{check.missing.map((one) => <li key={one.language + one.text}>{one.language}: {one.text}</li>)}</ul>
        </details>
      )}
    </>
  );
}

function Drawing({ svg, name }: { svg: string | null; name: string }) {
  if (svg === null) return <p class="dim">{t("admin.flow.no_drawing")}</p>;
  return <div class="scroll admin-drawing"><img src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`} alt={`${t("admin.flow.drawing")} ${name}`} data-test="drawing" /></div>;
}

function History({ file, restore }: { file: string; restore: (text: string) => void }) {
  const [versions, setVersions] = useState<FlowVersionRow[]>([]);
  const [shown, show] = useState<FlowVersionText | null>(null);
  useEffect(() => void request<FlowVersionRow[]>("GET", path(file, "/versions")).then(setVersions, () => setVersions([])), [file]);
  const open = (id: number) => void request<FlowVersionText>("GET", path(file, `/versions/${id}`)).then(show, () => show(null));
  return (
    <div class="admin-history">
      <ul class="admin-list scroll" data-test="versions">
        {versions.length === 0 && <li class="dim">{t("none")}</li>}
        {versions.map((one) => (
          <li key={one.id}><button type="button" aria-current={shown?.id === one.id ? "true" : undefined} onClick={() => open(one.id)} data-test={`version-${one.id}`}>
            {day(one.at)} {one.login || t("admin.flow.by_hand")} {one.note} {one.in_force && <strong>{t("admin.flow.now")}</strong>}
          </button></li>
        ))}
      </ul>
      {shown !== null && (
        <div class="scroll">
          <button type="button" onClick={() => restore(shown.text)} data-test="restore">{t("admin.flow.restore")}</button>
          <pre class="admin-diff" data-test="diff">{shown.diff || t("admin.flow.same")}</pre>
        </div>
      )}
    </div>
  );
}
