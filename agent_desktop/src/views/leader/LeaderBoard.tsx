import { useEffect } from "preact/hooks";
import { t } from "../../i18n";
import { leads, me, session } from "../../state";
import { CallBar } from "../CallBar";
import { Icon } from "../Icon";
import { PhoneCard } from "../phone/PhoneCard";
import { AgentTable } from "./AgentTable";
import { AlarmHistory, Alarms } from "./Alarms";
import { Announce } from "./Announce";
import { CallTable } from "./CallTable";
import { ListenLog } from "./ListenLog";
import { QueueTable } from "./QueueTable";
import { askToNotify, listening, mayNotify, told, wall } from "./store";
import { ThresholdForm } from "./ThresholdForm";
import { Totals } from "./Totals";

/** Queues, agents and calls of this moment, and what a leader does about them. On the wall there is nothing to press. */
export function LeaderBoard() {
  const onWall = wall.value;
  return (
    <div class={`leader ${onWall ? "wall" : ""}`} data-test="leader">
      {!onWall && leads.value && me.value !== null && <CallBar />}
      <Totals />
      <Alarms />
      <QueueTable />
      {!onWall && (
        <div class="halves">
          <AgentTable />
          <CallTable />
        </div>
      )}
      <Tools />
      <Keys />
    </div>
  );
}

function Tools() {
  const role = session.value?.role;
  const sets = leads.value || role === "admin";
  return (
    <footer class="leader-tools">
      <button type="button" aria-pressed={wall.value} aria-keyshortcuts="F" onClick={toggleWall} data-test="wall"><Icon name="full" />{t(wall.value ? "leave_wall" : "wall")}</button>
      {!wall.value && (
        <>
          {sets && <Announce />}
          <AlarmHistory />
          {sets && <ThresholdForm />}
          <ListenLog />
          {role === "inspector" && <PhoneCard />}
          {mayNotify.value === "default" && <button type="button" onClick={() => void askToNotify()}>{t("notify_me")}</button>}
          <span class="good grow" role="status" data-test="told">{told.value}</span>
        </>
      )}
    </footer>
  );
}

/** The whole screen where the browser lets us; the large view either way. */
function toggleWall(): void {
  wall.value = !wall.value;
  if (wall.value) void document.documentElement.requestFullscreen().catch(() => undefined);
  else if (document.fullscreenElement !== null) void document.exitFullscreen();
}

const TYPED = ["INPUT", "TEXTAREA", "SELECT"];

/** Keys that need no row: `/` filter, F wall, and while one listens L W B E. */
function Keys() {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || TYPED.includes((event.target as HTMLElement).tagName)) return;
      const key = event.key.toUpperCase();
      const target = key === "/" ? document.querySelector<HTMLElement>("[data-filter]")
        : key === "F" ? document.querySelector<HTMLElement>(".leader-tools [aria-keyshortcuts=F]")
        : listening.value === null ? null : document.querySelector<HTMLElement>(`.listening [aria-keyshortcuts="${CSS.escape(key)}"]:not(:disabled)`);
      if (target === null) return;
      event.preventDefault();
      target.focus();
      if (target.tagName === "BUTTON") target.click();
    };
    const left = () => {
      if (document.fullscreenElement === null) wall.value = false;
    };
    addEventListener("keydown", press);
    document.addEventListener("fullscreenchange", left);
    return () => {
      removeEventListener("keydown", press);
      document.removeEventListener("fullscreenchange", left);
    };
  }, []);
  return null;
}
