import { t } from "../i18n";
import { busy, signIn } from "../state";
import { Icon } from "./Icon";
import { LanguageSwitch } from "./Language";
import { ThemeSwitch } from "./Theme";

export function SignIn() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void signIn(String(form.get("login")).trim(), String(form.get("password")));
  };
  return (
    <main class="single entrance">
      <form class="card" onSubmit={submit}>
        <h1><span class="mark"><Icon name="headset" /></span>{t("title")}</h1>
        <label>{t("login")}<input name="login" autocomplete="username" maxLength={64} required autofocus /></label>
        <label>{t("password")}<input name="password" type="password" autocomplete="current-password" maxLength={256} required /></label>
        <button type="submit" class="primary" disabled={busy.value}>{t("sign_in")}</button>
        <p class="row"><LanguageSwitch /><ThemeSwitch /></p>
      </form>
    </main>
  );
}
