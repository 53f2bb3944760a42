import { useEffect, useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { exact, t, word } from "../../i18n";
import type { AuditRow, AuditTable, ErrorBody } from "../../protocol";
import { Icon } from "../Icon";
import { fieldWord, shown } from "./Conflict";
import { bodyOf, differing, parts, valueAt } from "./model";

const PAGE = 100;
const KINDS = ["queue", "agent", "user"];

/** Who changed or read what, newest first; a row opens to what was before and after. */
export function Audit() {
  const [rows, setRows] = useState<AuditRow[]>([]);
  const [actions, setActions] = useState<string[]>([]);
  const [filter, setFilter] = useState({ login: "", action: "", subject: "", since: "", until: "" });
  const [more, setMore] = useState(false);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const refuse = (error: unknown) => setTrouble(bodyOf(error));
  const wanted = () => Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== "").map(([name, value]) => [name, name === "since" || name === "until" ? new Date(value).getTime() * 1000 : value]));
  const ask = (below: number | null) => {
    const query = new URLSearchParams(Object.entries({ ...wanted(), limit: PAGE, ...(below === null ? {} : { below }) }).map(([name, value]) => [name, String(value)]));
    void request<AuditRow[]>("GET", `/admin/audit?${query}`).then((found) => {
      setRows(below === null ? found : [...rows, ...found]);
      setMore(found.length === PAGE);
      setTrouble(null);
    }, refuse);
  };
  const download = () => void request<AuditTable>("POST", "/admin/audit-export", wanted()).then((found) => offer(found.csv), refuse);
  useEffect(() => {
    ask(null);
    void request<string[]>("GET", "/admin/audit-actions").then(setActions, refuse);
  }, []);
  const set = (name: keyof typeof filter) => (event: { currentTarget: { value: string } }) => setFilter({ ...filter, [name]: event.currentTarget.value });
  return (
    <section class="card admin-audit">
      <form class="controls" onSubmit={(event) => { event.preventDefault(); ask(null); }}>
        <label>{t("admin.audit.login")}<input list="admin-logins" value={filter.login} size={8} maxLength={64} onInput={set("login")} data-test="audit-login" /></label>
        <datalist id="admin-logins">{parts("users").map(({ item }) => <option key={String(item["login"])} value={String(item["login"])}>{String(item["name"])}</option>)}</datalist>
        <label>{t("admin.audit.action")}
          <select value={filter.action} onChange={set("action")} data-test="audit-action"><option value="">{t("admin.audit.every")}</option>{actions.map((one) => <option key={one} value={one}>{word("admin.action", one)}</option>)}</select>
        </label>
        <label>{t("admin.audit.subject")}<input value={filter.subject} size={9} maxLength={160} onInput={set("subject")} data-test="audit-subject" /></label>
        <label>{t("admin.audit.since")}<input type="datetime-local" value={filter.since} onInput={set("since")} /></label>
        <label>{t("admin.audit.until")}<input type="datetime-local" value={filter.until} onInput={set("until")} /></label>
        <button type="submit" class="primary" data-test="audit-ask"><Icon name="search" />{t("admin.audit.ask")}</button>
        <button type="button" onClick={download} data-test="audit-export"><Icon name="download" />CSV</button>
      </form>
      {trouble && <p class="warn" role="alert">{errorText(trouble)}</p>}
      <div class="scroll">
        <table data-test="audit">
          <thead><tr>{(["when", "login", "action", "subject", "change"] as const).map((name) => <th scope="col" key={name}>{t(`admin.audit.${name}`)}</th>)}</tr></thead>
          <tbody>{rows.map((row) => <Row key={row.id} row={row} />)}</tbody>
        </table>
        {rows.length === 0 && <p class="dim">{t("none")}</p>}
        {more && <button type="button" onClick={() => ask(rows.at(-1)?.id ?? null)} data-test="audit-more">{t("admin.audit.more")}</button>}
      </div>
    </section>
  );
}

function Row({ row }: { row: AuditRow }) {
  const [before, after] = [row.before ?? {}, row.after ?? {}];
  const [kind] = row.action.split("_");
  const form = KINDS.includes(kind ?? "") ? String(kind) : "code";
  const names = differing(before, after);
  const diff = typeof after["diff"] === "string" ? after["diff"] : null;
  return (
    <tr data-test={`audit-${row.id}`}>
      <td class="number">{exact(row.at)}</td>
      <td>{row.login}<small class="dim"> {row.address}</small></td>
      <td>{word("admin.action", row.action)}</td><td>{row.subject}</td>
      <td>{names.length > 0 && (
        <details><summary>{row.before === null ? t("admin.audit.made") : row.after === null ? t("admin.audit.gone") : names.slice(0, 3).map((name) => fieldWord(form, name)).join(", ")}</summary>
          {diff !== null ? <Diff text={diff} /> : <dl>{names.map((name) => <div key={name}><dt>{fieldWord(form, name)}</dt><dd>{row.before !== null && <del>{shown(valueAt(before, name))}</del>} {row.after !== null && <ins>{shown(valueAt(after, name))}</ins>}</dd></div>)}</dl>}
        </details>
      )}</td>
    </tr>
  );
}

/** A unified diff, lines added and taken away marked. */
export function Diff({ text }: { text: string }) {
  const rows = text.split("\n").filter((line) => !line.startsWith("---") && !line.startsWith("+++"));
  return <pre class="admin-diff" data-test="diff">{rows.map((line, place) => <span key={place} class={line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : line.startsWith("@@") ? "place" : ""}>{line}{"\n"}</span>)}</pre>;
}

function offer(csv: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv;charset=utf-8" }));
  link.download = `audit-${new Date().toISOString().slice(0, 10)}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
