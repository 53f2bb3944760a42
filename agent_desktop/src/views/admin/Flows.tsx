// Flow files and dialled numbers; one file opens in the editor, which takes the whole room.

import { useEffect, useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { day, inLanguage, t, word } from "../../i18n";
import type { ErrorBody, FlowFiles, FlowRow, NewFlow } from "../../protocol";
import { why, wrongByField } from "../../wrong";
import { Icon } from "../Icon";
import { Dids } from "./Dids";
import { FlowEditor, flowKey, flowPath } from "./FlowEditor";
import { bodyOf, drafts, draftOf, mayLeave, setDraft, setup, unsaved } from "./model";
import { queueChoices } from "./sections";

const NOTHING: FlowFiles = { files: [], retired: [], templates: [] };

export function Flows() {
  const [found, setFound] = useState<FlowFiles>(NOTHING);
  const [chosen, choose] = useState<string | null>(null);
  const [isNew, setNew] = useState(false);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const list = () => void request<FlowFiles>("GET", "/admin/flows").then(setFound, (error: unknown) => setTrouble(bodyOf(error)));
  useEffect(list, []);
  const back = async () => {
    if (await mayLeave()) choose(null);
  };
  const has = (file: string) => found.files.some((row) => row.file === file);
  if (chosen !== null) return <FlowEditor key={chosen} file={chosen} isNew={!has(chosen)} changed={list} back={() => void back()} gone={() => { choose(null); list(); }} />;
  const begun = [...drafts.value.keys()].filter((key) => key.startsWith("flows/")).map((key) => key.slice(6)).filter((file) => unsaved(flowKey(file)) && !has(file) && !found.retired.includes(file));
  return (
    <div class="admin-flows">
      <section class="card scroll">
        <div class="controls"><h2 class="grow">{t("admin.section.flows")}</h2><button type="button" class="primary" onClick={() => setNew(!isNew)} aria-expanded={isNew} data-test="new"><Icon name="plus" />{t("admin.new")}</button></div>
        {trouble && <p class="warn" role="alert">{errorText(trouble)}</p>}
        {isNew && <NewForm files={found} open={(file) => { setNew(false); choose(file); }} />}
        <table class="admin-files">
          <thead><tr>{(["name", "file", "state", "saved"] as const).map((name) => <th scope="col" key={name}>{t(`admin.files.${name}`)}</th>)}</tr></thead>
          <tbody>
            {found.files.map((row) => <File key={row.file} row={row} open={() => choose(row.file)} />)}
            {begun.map((file) => <tr key={file}><td><button type="button" class="plain" onClick={() => choose(file)}>{file}</button></td><td>{file}</td><td><em>{t("admin.draft")}</em></td><td /></tr>)}
          </tbody>
        </table>
        {found.retired.length > 0 && (
          <details><summary>{t("admin.flow.retired")} ({found.retired.length})</summary>
            <ul class="admin-list">{found.retired.map((file) => <li key={file}><button type="button" onClick={() => choose(file)} data-test={`retired-${file}`}>{file}</button></li>)}</ul>
          </details>
        )}
      </section>
      <Dids flows={found.files} />
    </div>
  );
}

function File({ row, open }: { row: FlowRow; open: () => void }) {
  return (
    <tr>
      <td><button type="button" class="plain admin-file" onClick={open} data-test={`flow-${row.file}`}>{inLanguage(row.title) || row.file}</button></td>
      <td class="dim">{row.file}</td>
      <td>{row.problems > 0 ? <span class="bad">{row.problems} {t("admin.flow.errors")}</span> : <span class="good">{t("admin.flow.now")}</span>} {unsaved(flowKey(row.file)) && <em>{t("admin.draft")}</em>}</td>
      <td class="dim">{row.saved_at === null ? t("admin.flow.by_hand") : `${row.saved_by} ${day(row.saved_at)}`}</td>
    </tr>
  );
}

/** A template or a copy of another flow, as an unsaved text in the editor. */
function NewForm({ files, open }: { files: FlowFiles; open: (file: string) => void }) {
  const [name, setName] = useState("");
  const [title, setTitle] = useState({ zh: "", en: "" });
  const [from, setFrom] = useState(`template:${files.templates[0] ?? "menu"}`);
  const [queue, setQueue] = useState(setup.value?.fallback_queue ?? "");
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const wrong = wrongByField(trouble);
  const begin = async () => {
    const [kind, which = ""] = from.split(":");
    try {
      if (files.files.some((row) => row.flow === name || row.file === `${name}.yaml`)) return setTrouble({ code: "conflict", message: "", details: { reason: "taken" } });
      const made = await request<NewFlow>("POST", "/admin/new-flow", { template: kind === "template" ? which : "menu", name, ...title, queue });
      const text = kind === "copy" ? renamed((await request<NewFlow>("GET", flowPath(which))).text, name) : made.text;
      const file = `${name}.yaml`;
      setDraft(flowKey(file), { ...draftOf(null, { text: "" }), item: { text } });
      open(file);
    } catch (error) {
      setTrouble(bodyOf(error));
    }
  };
  return (
    <form class="admin-new" onSubmit={(event) => { event.preventDefault(); void begin(); }} data-test="new-flow">
      {trouble && <p class="warn" role="alert">{errorText(trouble)} {why(trouble)}</p>}
      <label>{t("admin.flow.name")}<input value={name} required maxLength={40} pattern="[a-z][a-z0-9_]*" placeholder="night" onInput={(event) => setName(event.currentTarget.value)} data-test="new-flow-name" />{wrong["name"] && <span class="bad">{wrong["name"]}</span>}</label>
      <label>{t("admin.queue.title.zh")}<input value={title.zh} maxLength={64} onInput={(event) => setTitle({ ...title, zh: event.currentTarget.value })} data-test="new-flow-zh" /></label>
      <label>{t("admin.queue.title.en")}<input value={title.en} maxLength={64} onInput={(event) => setTitle({ ...title, en: event.currentTarget.value })} data-test="new-flow-en" /></label>
      <label>{t("admin.flow.from")}
        <select value={from} onChange={(event) => setFrom(event.currentTarget.value)} data-test="new-flow-from">
          <optgroup label={t("admin.flow.templates")}>{files.templates.map((one) => <option key={one} value={`template:${one}`}>{word("admin.template", one)}</option>)}</optgroup>
          <optgroup label={t("admin.flow.copy_of")}>{files.files.map((row) => <option key={row.file} value={`copy:${row.file}`}>{inLanguage(row.title) || row.file}</option>)}</optgroup>
        </select>
      </label>
      {from.startsWith("template:") && (
        <label>{t("admin.flow.queue")}<select value={queue} onChange={(event) => setQueue(event.currentTarget.value)} data-test="new-flow-queue">{queueChoices().map((one) => <option key={one.value} value={one.value}>{one.label}</option>)}</select></label>
      )}
      <button type="submit" class="primary" data-test="begin">{t("admin.flow.begin")}</button>
    </form>
  );
}

function renamed(text: string, name: string): string {
  return text.replace(/^name:.*$/m, `name: ${name}`);
}
