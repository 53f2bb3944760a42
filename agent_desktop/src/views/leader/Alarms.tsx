import { count, percent, span, t, time, word } from "../../i18n";
import { nameOf } from "../../people";
import type { AlarmEntry } from "../../protocol";
import { busy, leads, now, queueName } from "../../state";
import { Icon } from "../Icon";
import { Panel, PanelButton } from "./Panel";
import { act, alarmLog, askAlarms, askToNotify, mayNotify, raisedNow, sounding, wall } from "./store";

/** What is raised now, and who takes care of it: as many as there is room for; the button beside counts them all. */
export function Alarms() {
  return (
    <>
      {wall.value && raisedNow.value.length > 0 && <span class="badge">{raisedNow.value.length}</span>}
      <ul class="alarms" role="status" aria-label={t("alarms")} data-test="alarms">
        {raisedNow.value.map((one) => <Raised key={one.queue + one.alarm} one={one} />)}
      </ul>
    </>
  );
}

function Raised({ one }: { one: AlarmEntry }) {
  return (
    <li class={one.acknowledged_by === "" ? "" : "known"} data-test={`alarm-${one.queue}-${one.alarm}`}>
      <Icon name="alert" />
      <strong title={queueName(one.queue)}><bdi class="short">{queueName(one.queue)}</bdi></strong> {word("alarm", one.alarm)} <time>{span(now.value - one.raised_at)}</time>
      <Care one={one} />
    </li>
  );
}

/** Who takes care, or the button for whoever will. */
function Care({ one }: { one: AlarmEntry }) {
  if (one.acknowledged_by !== "") return <span class="short">{t("cared_by")} <bdi>{nameOf(one.acknowledged_by)}</bdi></span>;
  if (one.cleared_at !== null || !leads.value) return null;
  return (
    <button type="button" class="small" disabled={busy.value} data-test="acknowledge"
      onClick={() => void act("acknowledge_alarm", { queue: one.queue, alarm: one.alarm }, `${queueName(one.queue)}: ${t("taken_care")} ✓`)}>{t("acknowledge")}</button>
  );
}

export function AlarmButton() {
  return <PanelButton name="alarms" icon="bell" label={t("alarms")} badge={raisedNow.value.length} open={() => void askAlarms()} test="alarm-history" />;
}

/** The alarms of today, over or not. */
export function AlarmHistory() {
  return (
    <Panel name="alarms" title={t("alarms_today")} test="alarm-log">
      <p class="options">
        <label class="tick"><input type="checkbox" checked={sounding.value} onChange={(event) => (sounding.value = event.currentTarget.checked)} /> {t("alarm_sound")}</label>
        {mayNotify.value === "default" && <button type="button" class="small" onClick={() => void askToNotify()}>{t("notify_me")}</button>}
      </p>
      {alarmLog.value.length === 0 ? <p class="dim">{t("no_alarms")}</p> : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t("time")}</th>
              <th scope="col">{t("queue")}</th>
              <th scope="col">{t("alarms")}</th>
              <th scope="col" class="number">{t("value")}</th>
              <th scope="col" class="number">{t("lasted")}</th>
              <th scope="col">{t("cared_by")}</th>
            </tr>
          </thead>
          <tbody>{alarmLog.value.map((one) => <Past key={`${one.raised_at}${one.queue}${one.alarm}`} one={one} />)}</tbody>
        </table>
      )}
    </Panel>
  );
}

function Past({ one }: { one: AlarmEntry }) {
  return (
    <tr class={one.cleared_at === null ? "alarm" : ""}>
      <td class="number-left">{time(one.raised_at)}</td>
      <td><bdi class="short">{queueName(one.queue)}</bdi></td>
      <td>{word("alarm", one.alarm)}</td>
      <td class="number">{reading(one, one.value)} / {reading(one, one.threshold)}</td>
      <td class="number">{one.cleared_at === null ? `${t("raised_now")} ${span(now.value - one.raised_at)}` : span(one.cleared_at - one.raised_at)}</td>
      <td><Care one={one} /></td>
    </tr>
  );
}

/** Callers, a time, a rate or agents, as the kind of alarm has it. */
function reading({ alarm }: AlarmEntry, value: number): string {
  if (alarm === "longest_wait") return span(value * 1_000_000);
  return alarm === "service_level" ? percent(value / 100) : count(value);
}
