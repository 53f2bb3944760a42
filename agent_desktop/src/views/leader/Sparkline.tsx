import { useComputed } from "@preact/signals";
import { t } from "../../i18n";
import type { QueueRow } from "../../protocol";
import { now } from "../../state";

const [WIDTH, HEIGHT, STEPS] = [76, 20, 16];

/** Visits of each of the last intervals until now; the row ends with the last one in which somebody called. */
function useLastHours({ trend, trend_at, trend_step }: QueueRow): [number, number, number][] {
  const present = useComputed(() => Math.floor(now.value / (trend_step || 1)));
  if (trend.length === 0) return [];
  const first = Math.round(trend_at / trend_step);
  return Array.from({ length: STEPS }, (_, place) => trend[present.value - STEPS + 1 + place - first] ?? [0, 0, 0]);
}

/** Visits of the last four hours by quarter: offered as a line, abandoned as bars below it. */
export function Sparkline({ queue }: { queue: QueueRow }) {
  const points = useLastHours(queue);
  const most = Math.max(1, ...points.map(([offered]) => offered));
  const x = (place: number) => (place / (STEPS - 1)) * (WIDTH - 6) + 3;
  const y = (count: number) => HEIGHT - 1 - (count / most) * (HEIGHT - 4) - 1;
  const lost = points.reduce((sum, [, , abandoned]) => sum + abandoned, 0);
  const offered = points.reduce((sum, [count]) => sum + count, 0);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${t("trend")}: ${t("offered")} ${offered}, ${t("abandoned")} ${lost}`} data-test="trend">
      {points.map(([, , abandoned], place) => abandoned > 0 && <path key={place} class="lost" d={`M${x(place)} ${HEIGHT}V${y(abandoned)}`} />)}
      <path d={points.map(([count], place) => `${place === 0 ? "M" : "L"}${x(place).toFixed(1)} ${y(count).toFixed(1)}`).join("")} />
      {points.length > 0 && <circle cx={x(points.length - 1)} cy={y(points[points.length - 1]?.[0] ?? 0)} r="1.8" />}
    </svg>
  );
}
