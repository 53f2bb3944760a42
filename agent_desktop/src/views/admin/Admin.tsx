import { useEffect, useState } from "preact/hooks";
import { errorText } from "../../errors";
import { t } from "../../i18n";
import { Audit } from "./Audit";
import { Flows } from "./Flows";
import { Hours } from "./Hours";
import { failed, load, secret } from "./model";
import { Parts } from "./Parts";
import { SECTIONS } from "./sections";
import "./admin.css";

type Name = keyof typeof SECTIONS | "hours" | "flows" | "audit";
const NAMES: Name[] = ["queues", "agents", "skills", "users", "pause_codes", "dispositions", "hours", "flows", "audit"];

export function Admin() {
  const [name, show] = useState<Name>("queues");
  useEffect(() => void load(), []);
  return (
    <div class="admin">
      <nav class="admin-nav" aria-label={t("admin")}>
        {NAMES.map((one) => <button type="button" key={one} aria-current={name === one ? "page" : undefined} onClick={() => show(one)} data-test={`section-${one}`}>{t(`admin.section.${one}`)}</button>)}
      </nav>
      {failed.value && <p class="warn" role="alert">{errorText(failed.value)}</p>}
      {secret.value && <Secret login={secret.value.login} password={secret.value.password} />}
      {name === "hours" ? <Hours /> : name === "flows" ? <Flows /> : name === "audit" ? <Audit /> : <Parts key={name} section={SECTIONS[name]} />}
    </div>
  );
}

/** A password that cannot be shown again. */
function Secret(props: { login: string; password: string }) {
  return (
    <div class="warn" role="alert" data-test="secret">
      <p>{t("admin.password_once")} {props.login}: <code data-test="password">{props.password}</code></p>
      <button type="button" onClick={() => (secret.value = null)}>{t("admin.password_noted")}</button>
    </div>
  );
}
