import { t, word } from "../i18n";
import { connection } from "../live";
import { busy, isLive, session, signOut } from "../state";
import { Icon, type IconName } from "./Icon";
import { KeyHelp } from "./Keys";
import { LanguageSwitch } from "./Language";
import { ThemeSwitch } from "./Theme";

export type View = "desk" | "board" | "admin";

const FACE: Record<View, IconName> = { desk: "headset", board: "board", admin: "settings" };

/** `view` null = there is only one, so nothing to choose. */
export function Header(props: { view: View | null; views?: View[]; show?: (view: View) => void }) {
  const user = session.value;
  return (
    <header class="top">
      <h1><Icon name="headset" />{t("title")}</h1>
      {props.view !== null && (
        <nav>
          {(props.views ?? []).map((view) => (
            <button type="button" key={view} data-test={`view-${view}`} aria-current={props.view === view ? "page" : undefined} onClick={() => props.show?.(view)}>
              <Icon name={FACE[view]} />{t(view)}
            </button>
          ))}
        </nav>
      )}
      <span class="grow" />
      {user?.role !== "back_office" && (
        <span class={`link ${isLive.value ? "live" : "away"}`} role="status" data-test="connection">{word("connection", connection.value)}</span>
      )}
      <KeyHelp />
      <ThemeSwitch />
      <LanguageSwitch />
      <span class="who"><Icon name="customer" /><bdi>{user?.name}</bdi> <span class="dim">{user?.login}</span></span>
      <button type="button" class="quiet" disabled={busy.value} onClick={() => void signOut()} data-test="sign-out"><Icon name="leave" />{t("sign_out")}</button>
    </header>
  );
}
