import { day, exact } from "../i18n";

/** A moment as people say it; the whole of it when one points at it. */
export function Time({ at }: { at: number }) {
  return <time class="dim" dateTime={new Date(at / 1000).toISOString()} title={exact(at)}>{day(at)}</time>;
}
