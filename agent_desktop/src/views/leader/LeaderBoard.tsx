import { useLayoutEffect } from "preact/hooks";
import { t } from "../../i18n";
import { leads, me, session } from "../../state";
import { CallBar } from "../CallBar";
import { Icon } from "../Icon";
import { PhoneCard } from "../phone/PhoneCard";
import { AgentTable } from "./AgentTable";
import { AlarmButton, AlarmHistory, Alarms } from "./Alarms";
import { Announce, AnnounceButton } from "./Announce";
import { CallTable } from "./CallTable";
import { pressIn, useLetters } from "./letters";
import { ListenLog, ListenLogButton } from "./ListenLog";
import { panel } from "./Panel";
import { QueueTable } from "./QueueTable";
import { told, wall } from "./store";
import { ThresholdButton, ThresholdForm } from "./ThresholdForm";
import { Totals } from "./Totals";

/** Queues, agents and calls of this moment, and what a leader does about them. On the wall there is nothing to press. */
export function LeaderBoard() {
  const onWall = wall.value;
  useLetters(press);
  useWallEnd();
  return (
    <div class={`leader ${onWall ? "wall" : ""}`} data-test="leader">
      {!onWall && leads.value && me.value !== null && <CallBar />}
      <Totals />
      <div class="strip">
        <Alarms />
        <span class="told" role="status" data-test="told">{told.value}</span>
        <Tools />
      </div>
      <QueueTable />
      {!onWall && (
        <div class="halves">
          <AgentTable />
          <CallTable />
        </div>
      )}
    </div>
  );
}

function Tools() {
  const role = session.value?.role;
  const sets = leads.value || role === "admin";
  return (
    <div class="leader-tools">
      {!wall.value && (
        <>
          {sets && <AnnounceButton />}
          <AlarmButton />
          {sets && <ThresholdButton />}
          <ListenLogButton />
          {role === "inspector" && <PhoneCard />}
          <Announce />
          <AlarmHistory />
          <ThresholdForm />
          <ListenLog />
        </>
      )}
      <button type="button" aria-pressed={wall.value} aria-keyshortcuts="F" title="F" onClick={toggleWall} data-test="wall"><Icon name="full" />{t(wall.value ? "leave_wall" : "wall")}</button>
    </div>
  );
}

/** The whole screen where the browser lets us; the large view either way. */
function toggleWall(): void {
  panel.value = null;
  wall.value = !wall.value;
  if (wall.value) void document.documentElement.requestFullscreen().catch(() => undefined);
  else if (document.fullscreenElement !== null) void document.exitFullscreen();
}

/** `/` filters, F is the wall, Escape closes what lies over the board. */
function press(key: string): boolean {
  if (key === "Escape") {
    const open = panel.peek() !== null;
    panel.value = null;
    return open;
  }
  return pressIn(key === "/" ? ".filters" : ".leader-tools", key);
}

/** Who leaves the whole screen by the browser's own key leaves the wall. */
function useWallEnd(): void {
  useLayoutEffect(() => {
    const left = () => {
      if (document.fullscreenElement === null) wall.value = false;
    };
    document.addEventListener("fullscreenchange", left);
    return () => document.removeEventListener("fullscreenchange", left);
  }, []);
}
