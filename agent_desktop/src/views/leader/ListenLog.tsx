import { signal } from "@preact/signals";
import { day, span, t, word } from "../../i18n";
import { agents } from "../../rows";
import { Icon } from "../Icon";
import { askListenLog, listenLog } from "./store";

const open = signal(false);

/** Who listened to whom in the last week: for those who answer for it. */
export function ListenLog() {
  const show = () => {
    open.value = !open.value;
    void askListenLog();
  };
  return (
    <>
      <button type="button" aria-expanded={open.value} onClick={show} data-test="listen-log"><Icon name="listen" />{t("listen_log")}</button>
      {open.value && (
        <section class="card panel scroll" role="dialog" aria-label={t("listen_log")} onKeyDown={(event) => event.key === "Escape" && (open.value = false)} data-test="listens">
          <table>
            <thead><tr>{[t("time"), t("listener"), t("agent"), t("listen_modes"), t("lasted")].map((name) => <th scope="col" key={name}>{name}</th>)}</tr></thead>
            <tbody>
              {listenLog.value.map((one) => (
                <tr key={one.listening_id}>
                  <td>{day(one.started)}</td>
                  <td>{one.by}</td>
                  <td>{agents.get(one.subject)?.value.name} {one.subject}</td>
                  <td>{one.modes.map((mode) => word("mode", mode)).join(" → ")}</td>
                  <td>{one.ended === null ? "…" : span(one.ended - one.started)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {listenLog.value.length === 0 && <p class="dim">{t("nobody_listened")}</p>}
          <button type="button" onClick={() => (open.value = false)}>{t("close")}</button>
        </section>
      )}
    </>
  );
}
