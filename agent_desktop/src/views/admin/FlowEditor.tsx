// One flow: text with its problems, the drawing beside it, a preview, versions. The text typed stays whatever happens, and what
// is in force stays until a text without problems is saved.

import { useEffect, useRef, useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { day, t } from "../../i18n";
import type { ErrorBody, FlowCheck, FlowText } from "../../protocol";
import { why } from "../../wrong";
import { Icon } from "../Icon";
import { sure } from "./Ask";
import { Diff } from "./Audit";
import { Code, type CodeHandle } from "./Code";
import { Drawing } from "./Drawing";
import { bodyOf, draftOf, drafts, setDraft } from "./model";
import { Saved, useDirty } from "./Parts";
import { Preview } from "./Preview";
import { Versions } from "./Versions";

type Tab = "text" | "preview" | "history";
const TABS: Tab[] = ["text", "preview", "history"];
const CHECK_MS = 400;

export const flowPath = (file: string, rest = "") => `/admin/flows/${encodeURIComponent(file)}${rest}`;
export const flowKey = (file: string) => `flows/${file}`;

interface Props {
  file: string;
  isNew: boolean;
  changed: () => void;
  back: () => void;
  gone: () => void;
}

export function FlowEditor({ file, isNew, changed, back, gone }: Props) {
  const key = flowKey(file);
  const [loaded, setLoaded] = useState<FlowText | null>(null);
  const [check, setCheck] = useState<FlowCheck | null>(null);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const [note, setNote] = useState("");
  const [isSaved, setSaved] = useState(false);
  const [tab, setTab] = useState<Tab>(isNew && !drafts.value.has(key) ? "history" : "text");
  const [line, setLine] = useState(1);
  const code = useRef<CodeHandle>(null);
  const draft = drafts.value.get(key);
  const text = draft ? String(draft.item["text"]) : (loaded?.text ?? "");
  const seen = draft ? draft.seen : (loaded?.seen ?? null);
  const take = (found: FlowText) => { setLoaded(found); setCheck(found); setTrouble(null); setDraft(key, null); };
  const refuse = (error: unknown) => { setTrouble(bodyOf(error)); setSaved(false); };
  const fetchText = () => void request<FlowText>("GET", flowPath(file)).then(take, refuse);
  const put = (next: string, from: string | null = seen) => {
    const base = draft ?? draftOf(null, { text: loaded?.text ?? "" });
    setDraft(key, next === loaded?.text && from === loaded.seen ? null : { ...base, item: { text: next }, seen: from });
    setSaved(false);
  };
  useEffect(() => {
    if (isNew) return;
    void request<FlowText>("GET", flowPath(file)).then((found) => (drafts.value.has(key) ? setLoaded(found) : take(found)), refuse);
  }, []);
  useEffect(() => {
    if (text === "") return undefined;
    let isStale = false;
    const timer = setTimeout(() => void request<FlowCheck>("POST", flowPath(file, "/check"), { text }).then((found) => isStale || setCheck(found), refuse), CHECK_MS);
    return () => { isStale = true; clearTimeout(timer); };
  }, [text]);
  useDirty(key, draft !== undefined, () => setDraft(key, null));
  const save = async () => {
    try {
      take(await request<FlowText>("POST", flowPath(file), { text, seen, note }));
      setSaved(true);
      setNote("");
      changed();
    } catch (error) {
      refuse(error);
    }
  };
  const retire = async () => {
    if (!(await sure("admin.flow.sure_retire", "admin.flow.retire"))) return;
    await request("DELETE", `${flowPath(file)}?seen=${encodeURIComponent(loaded?.seen ?? "")}`).then(() => { setDraft(key, null); gone(); }, refuse);
  };
  const go = (to: number) => {
    setTab("text");
    setLine(to);
    code.current?.go(to);
  };
  const problems = check?.problems ?? [];
  return (
    <section class="card admin-flow" data-test="flow">
      <div class="controls admin-flow-head">
        <button type="button" class="quiet" onClick={back} data-test="all-flows">← {t("admin.flow.all")}</button>
        <h2>{file}</h2>
        <nav class="segments" aria-label={file}>{TABS.map((one) => <button type="button" key={one} aria-pressed={tab === one} onClick={() => setTab(one)} data-test={`tab-${one}`}>{t(`admin.flow.${one}`)}</button>)}</nav>
        <span class="grow" />
        <form class="controls" onSubmit={(event) => { event.preventDefault(); void save(); }}>
          <Saved isSaved={isSaved} isChanged={draft !== undefined} />
          <input value={note} size={14} maxLength={200} placeholder={t("admin.flow.note")} aria-label={t("admin.flow.note")} onInput={(event) => setNote(event.currentTarget.value)} data-test="note" />
          <button type="submit" class="primary" disabled={check === null || problems.length > 0 || text === ""} title={problems.length > 0 ? t("admin.flow.live_stays") : undefined} data-test="save"><Icon name="check" />{t("admin.flow.save")}</button>
          {draft !== undefined && !isNew && <button type="button" onClick={() => { setDraft(key, null); fetchText(); }} data-test="discard">{t("admin.discard")}</button>}
          {!isNew && <button type="button" class="danger" onClick={() => void retire()} data-test="retire">{t("admin.flow.retire")}</button>}
        </form>
      </div>
      {trouble && <Refused trouble={trouble} put={put} done={() => setTrouble(null)} mine={text} />}
      {tab === "text" && (
        <div class="admin-halves">
          <Code ref={code} text={text} check={check} edit={(next) => put(next)} at={setLine} />
          <Drawing check={check} line={line} go={go} />
        </div>
      )}
      {tab === "preview" && <Preview file={file} text={text} go={go} lines={check?.lines ?? {}} />}
      {tab === "history" && <Versions file={file} restore={(old) => { put(old); setTab("text"); }} />}
    </section>
  );
}

interface Changed {
  reason?: string;
  now?: { text: string; seen: string } | null;
  by?: string;
  at?: number | null;
  theirs?: string;
  merged?: string | null;
}

/** Why a text was not saved. When another was quicker: what he changed, and whose text shall be gone on with. */
function Refused(props: { trouble: ErrorBody; mine: string; put: (text: string, seen: string | null) => void; done: () => void }) {
  const { trouble } = props;
  const { reason, now, by, at, theirs, merged } = trouble.details as Changed;
  if (trouble.code !== "conflict" || reason !== "changed" || !now) return <p class="warn" role="alert" data-test="trouble">{errorText(trouble)} {why(trouble)}</p>;
  const go = (text: string) => { props.put(text, now.seen); props.done(); };
  return (
    <div class="admin-conflict" role="alert" data-test="conflict">
      <p><strong>{t("admin.conflict")}</strong> {by || t("admin.flow.by_hand")} {at ? day(at) : ""}</p>
      <Diff text={theirs ?? ""} />
      <div class="controls">
        {typeof merged === "string" && <button type="button" class="primary" onClick={() => go(merged)} data-test="merge">{t("admin.merge")}</button>}
        <button type="button" onClick={() => go(now.text)} data-test="take-theirs">{t("admin.take_theirs")}</button>
        <button type="button" onClick={() => go(props.mine)} data-test="keep-mine">{t("admin.keep_mine")}</button>
        <span class="dim">{t(typeof merged === "string" ? "admin.conflict_hint" : "admin.flow.same_lines")}</span>
      </div>
    </div>
  );
}
