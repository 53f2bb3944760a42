import { signal } from "@preact/signals";
import { span, t, time, word } from "../../i18n";
import type { AlarmEntry } from "../../protocol";
import { busy, leads, now, queueName } from "../../state";
import { Icon } from "../Icon";
import { act, alarmLog, askAlarms, raisedNow, sounding } from "./store";

const open = signal(false);

/** What is raised now, and who takes care of it. */
export function Alarms() {
  return (
    <ul class="alarms" role="status" aria-label={t("alarms")} data-test="alarms">
      {raisedNow.value.map((one) => <Raised key={one.queue + one.alarm} one={one} />)}
    </ul>
  );
}

function Raised({ one }: { one: AlarmEntry }) {
  return (
    <li class={one.acknowledged_by === "" ? "" : "known"} data-test={`alarm-${one.queue}-${one.alarm}`}>
      <Icon name="alert" />
      <strong>{queueName(one.queue)}</strong> {word("alarm", one.alarm)} <time>{span(now.value - one.raised_at)}</time>
      {one.acknowledged_by !== "" && <span>{t("cared_by")} {one.acknowledged_by}</span>}
      {one.acknowledged_by === "" && leads.value && (
        <button type="button" class="small" disabled={busy.value} data-test="acknowledge"
          onClick={() => void act("acknowledge_alarm", { queue: one.queue, alarm: one.alarm }, `${queueName(one.queue)}: ${t("cared_by")} ✓`)}>{t("acknowledge")}</button>
      )}
    </li>
  );
}

/** The alarms of today, over or not. */
export function AlarmHistory() {
  const show = () => {
    open.value = !open.value;
    void askAlarms();
  };
  return (
    <>
      <button type="button" aria-expanded={open.value} onClick={show} data-test="alarm-history"><Icon name="history" />{t("alarms_today")} {alarmLog.value.length}</button>
      {open.value && (
        <section class="card panel scroll" role="dialog" aria-label={t("alarms_today")} onKeyDown={(event) => event.key === "Escape" && (open.value = false)} data-test="alarm-log">
          <label class="tick"><input type="checkbox" checked={sounding.value} onChange={(event) => (sounding.value = event.currentTarget.checked)} /> {t("alarm_sound")}</label>
          <table>
            <thead><tr>{[t("time"), t("queue"), t("alarms"), t("value"), t("lasted"), t("cared_by")].map((name) => <th scope="col" key={name}>{name}</th>)}</tr></thead>
            <tbody>{alarmLog.value.map((one) => <Past key={`${one.raised_at}${one.queue}${one.alarm}`} one={one} />)}</tbody>
          </table>
          {alarmLog.value.length === 0 && <p class="dim">{t("no_alarms")}</p>}
          <button type="button" onClick={() => (open.value = false)}>{t("close")}</button>
        </section>
      )}
    </>
  );
}

function Past({ one }: { one: AlarmEntry }) {
  return (
    <tr>
      <td>{time(one.raised_at)}</td>
      <td>{queueName(one.queue)}</td>
      <td>{word("alarm", one.alarm)}</td>
      <td>{one.value} / {one.threshold}</td>
      <td>{one.cleared_at === null ? t("raised_now") : span(one.cleared_at - one.raised_at)}</td>
      <td>{one.acknowledged_by}</td>
    </tr>
  );
}
