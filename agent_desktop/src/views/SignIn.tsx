import { t } from "../i18n";
import { busy, signIn } from "../state";
import { LanguageSwitch } from "./Language";

export function SignIn() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void signIn(String(form.get("login")).trim(), String(form.get("password")));
  };
  return (
    <main class="single">
      <form class="card" onSubmit={submit}>
        <h1>{t("title")}</h1>
        <label>{t("login")}<input name="login" autocomplete="username" maxLength={64} required autofocus /></label>
        <label>{t("password")}<input name="password" type="password" autocomplete="current-password" maxLength={256} required /></label>
        <button type="submit" class="primary" disabled={busy.value}>{t("sign_in")}</button>
        <LanguageSwitch />
      </form>
    </main>
  );
}
