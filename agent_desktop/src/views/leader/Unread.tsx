import { t, time } from "../../i18n";
import { nameOf } from "../../people";
import { busy } from "../../state";
import { markRead, unread } from "./store";

/** Announcements to this agent, until he has read them. Their text is shown as text. */
export function Unread() {
  if (unread.value.length === 0) return null;
  return (
    <ul class="unread" role="status" aria-label={t("announcement")} data-test="unread">
      {unread.value.map((one) => (
        <li key={one.announcement_id}>
          <span class="dim">{time(one.at)} <bdi>{nameOf(one.by)}</bdi></span>
          <span class="grow" dir="auto">{one.text}</span>
          <button type="button" disabled={busy.value} onClick={() => void markRead(one)}>{t("mark_read")}</button>
        </li>
      ))}
    </ul>
  );
}
