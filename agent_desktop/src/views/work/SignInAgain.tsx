import { t } from "../../i18n";
import { busy, signIn } from "../../state";
import { LanguageSwitch } from "../Language";
import { giveUp } from "./store";

/** The session ended in the middle of work: nothing of it is shown, nothing of it is lost. */
export function SignInAgain({ login }: { login: string }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void signIn(login, String(form.get("password")));
  };
  return (
    <div class="single again" role="dialog" aria-modal="true" aria-labelledby="again-title" data-test="sign-in-again">
      <form class="card" onSubmit={submit}>
        <h1 id="again-title">{t("sign_in_again")}</h1>
        <p>{t("sign_in_again_hint")}</p>
        <label>{t("login")}<input name="login" autocomplete="username" value={login} readOnly /></label>
        <label>{t("password")}<input name="password" type="password" autocomplete="current-password" maxLength={256} required autofocus /></label>
        <button type="submit" class="primary" disabled={busy.value}>{t("sign_in")}</button>
        <button type="button" disabled={busy.value} onClick={giveUp} data-test="somebody-else">{t("somebody_else")}</button>
        <LanguageSwitch />
      </form>
    </div>
  );
}
