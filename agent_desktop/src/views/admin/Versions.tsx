import { useEffect, useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { day, t } from "../../i18n";
import type { ErrorBody, FlowVersionRow, FlowVersionText } from "../../protocol";
import { Icon } from "../Icon";
import { Diff } from "./Audit";
import { flowPath } from "./FlowEditor";
import { bodyOf } from "./model";

/** Every text this file ever had, how each differs from the one in force, and the way back. */
export function Versions({ file, restore }: { file: string; restore: (text: string) => void }) {
  const [versions, setVersions] = useState<FlowVersionRow[]>([]);
  const [shown, show] = useState<FlowVersionText | null>(null);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const refuse = (error: unknown) => setTrouble(bodyOf(error));
  useEffect(() => void request<FlowVersionRow[]>("GET", flowPath(file, "/versions")).then(setVersions, refuse), [file]);
  const open = (id: number) => void request<FlowVersionText>("GET", flowPath(file, `/versions/${id}`)).then(show, refuse);
  return (
    <div class="admin-history">
      <ul class="admin-list scroll" data-test="versions">
        {trouble && <li class="warn" role="alert">{errorText(trouble)}</li>}
        {versions.length === 0 && <li class="dim">{t("none")}</li>}
        {versions.map((one) => (
          <li key={one.id}><button type="button" aria-current={shown?.id === one.id ? "true" : undefined} onClick={() => open(one.id)} data-test={`version-${one.id}`}>
            <strong>{day(one.at)}</strong> {one.in_force && <em class="good">{t("admin.flow.now")}</em>}<small class="dim">{one.login || t("admin.flow.by_hand")} {one.note}</small>
          </button></li>
        ))}
      </ul>
      {shown === null ? <p class="dim">{t("admin.flow.choose_version")}</p> : (
        <div class="scroll">
          <div class="controls"><button type="button" class="primary" onClick={() => restore(shown.text)} data-test="restore"><Icon name="history" />{t("admin.flow.restore")}</button><span class="dim">{t("admin.flow.diff_hint")}</span></div>
          {shown.diff ? <Diff text={shown.diff} /> : <p class="dim">{t("admin.flow.same")}</p>}
        </div>
      )}
    </div>
  );
}
