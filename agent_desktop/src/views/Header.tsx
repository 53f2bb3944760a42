import { t, word } from "../i18n";
import { connection } from "../live";
import { busy, isLive, session, signOut } from "../state";
import { LanguageSwitch } from "./Language";

export type View = "desk" | "board" | "admin";

/** `view` null = there is only one, so nothing to choose. */
export function Header(props: { view: View | null; views?: View[]; show?: (view: View) => void }) {
  const user = session.value;
  return (
    <header>
      <h1>{t("title")}</h1>
      {props.view !== null && (
        <nav>
          {(props.views ?? []).map((view) => (
            <button type="button" key={view} data-test={`view-${view}`} aria-current={props.view === view ? "page" : undefined} onClick={() => props.show?.(view)}>{t(view)}</button>
          ))}
        </nav>
      )}
      <span class="grow" />
      {user?.role !== "back_office" && (
        <span class={`link ${isLive.value ? "good" : "bad"}`} role="status" data-test="connection">{word("connection", connection.value)}</span>
      )}
      <LanguageSwitch />
      <span class="who">{user?.name} <span class="dim">{user?.login}</span></span>
      <button type="button" disabled={busy.value} onClick={() => void signOut()} data-test="sign-out">{t("sign_out")}</button>
    </header>
  );
}
