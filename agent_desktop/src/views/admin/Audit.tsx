import { useEffect, useState } from "preact/hooks";
import { request } from "../../api";
import { day, t } from "../../i18n";
import type { AuditRow } from "../../protocol";

const PAGE = 100;

/** Who changed or read what, newest first; a row opens to what was before and after. */
export function Audit() {
  const [rows, setRows] = useState<AuditRow[]>([]);
  const [login, setLogin] = useState("");
  const [action, setAction] = useState("");
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const [more, setMore] = useState(false);
  const ask = (before: number | null) => {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (login) query.set("login", login);
    if (action) query.set("action", action);
    if (since) query.set("since", String(new Date(since).getTime() * 1000));
    const end = before ?? (until ? new Date(until).getTime() * 1000 : null);
    if (end !== null) query.set("until", String(end));
    void request<AuditRow[]>("GET", `/admin/audit?${query}`).then((found) => {
      setRows(before === null ? found : [...rows, ...found]);
      setMore(found.length === PAGE);
    }, () => setRows([]));
  };
  useEffect(() => ask(null), []);
  return (
    <section class="card admin-audit">
      <form class="controls row" onSubmit={(event) => { event.preventDefault(); ask(null); }}>
        <label class="admin-inline">{t("admin.audit.login")}<input value={login} maxLength={64} onInput={(event) => setLogin(event.currentTarget.value.trim())} data-test="audit-login" /></label>
        <label class="admin-inline">{t("admin.audit.action")}<input value={action} maxLength={64} onInput={(event) => setAction(event.currentTarget.value.trim())} data-test="audit-action" /></label>
        <label class="admin-inline">{t("admin.audit.since")}<input type="datetime-local" value={since} onInput={(event) => setSince(event.currentTarget.value)} /></label>
        <label class="admin-inline">{t("admin.audit.until")}<input type="datetime-local" value={until} onInput={(event) => setUntil(event.currentTarget.value)} /></label>
        <button type="submit" class="primary" data-test="audit-ask">{t("admin.audit.ask")}</button>
      </form>
      <div class="scroll">
        <table data-test="audit">
          <thead><tr>{(["when", "login", "action", "subject", "change"] as const).map((name) => <th scope="col" key={name}>{t(`admin.audit.${name}`)}</th>)}</tr></thead>
          <tbody>{rows.map((row, at) => <Row key={at} row={row} />)}</tbody>
        </table>
        {more && <button type="button" onClick={() => ask(rows.at(-1)?.at ?? null)}>{t("admin.audit.more")}</button>}
      </div>
    </section>
  );
}

function Row({ row }: { row: AuditRow }) {
  const names = Object.keys({ ...row.before, ...row.after }).filter((name) => JSON.stringify(row.before?.[name]) !== JSON.stringify(row.after?.[name]));
  const shown = (value: unknown) => (value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));
  return (
    <tr>
      <td>{day(row.at)}</td><td>{row.login}</td><td>{row.action}</td><td>{row.subject}</td>
      <td>{names.length > 0 && (
        <details><summary>{names.slice(0, 4).join(", ")}</summary>
          <dl>{names.map((name) => <div key={name}><dt>{name}</dt><dd class="admin-diff">{shown(row.before?.[name])} → {shown(row.after?.[name])}</dd></div>)}</dl>
        </details>
      )}</td>
    </tr>
  );
}
