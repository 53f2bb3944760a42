import { day, span, t, word } from "../../i18n";
import { nameOf } from "../../people";
import type { ListenEntry } from "../../protocol";
import { agents } from "../../rows";
import { Panel, PanelButton } from "./Panel";
import { askListenLog, listenLog } from "./store";

export function ListenLogButton() {
  return <PanelButton name="listens" icon="listen" label={t("listen_log")} open={() => void askListenLog()} test="listen-log" />;
}

/** Who listened to whom in the last week: for those who answer for it. */
export function ListenLog() {
  return (
    <Panel name="listens" title={t("listen_log")} test="listens">
      {listenLog.value.length === 0 ? <p class="dim">{t("nobody_listened")}</p> : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t("time")}</th>
              <th scope="col">{t("listener")}</th>
              <th scope="col">{t("agent")}</th>
              <th scope="col">{t("listen_modes")}</th>
              <th scope="col" class="number">{t("lasted")}</th>
            </tr>
          </thead>
          <tbody>{listenLog.value.map((one) => <Line key={one.listening_id} one={one} />)}</tbody>
        </table>
      )}
    </Panel>
  );
}

/** A log says who it was without doubt: two may have one name. */
function Line({ one }: { one: ListenEntry }) {
  return (
    <tr>
      <td>{day(one.started)}</td>
      <td><bdi>{nameOf(one.by)}</bdi> <span class="dim">{one.by}</span></td>
      <td><bdi>{agents.get(one.subject)?.value.name ?? nameOf(one.subject)}</bdi> <span class="dim">{one.subject}</span></td>
      <td>{one.modes.map((mode) => word("mode", mode)).join(" → ")}</td>
      <td class="number">{one.ended === null ? t("raised_now") : span(one.ended - one.started)}</td>
    </tr>
  );
}
