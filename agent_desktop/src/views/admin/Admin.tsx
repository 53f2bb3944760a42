import { useEffect, useState } from "preact/hooks";
import { errorText } from "../../errors";
import { t } from "../../i18n";
import { Icon, type IconName } from "../Icon";
import { Ask } from "./Ask";
import { Audit } from "./Audit";
import { Flows } from "./Flows";
import { Hours } from "./Hours";
import { drafts, failed, load, mayLeave, restoreDrafts, secret } from "./model";
import { Parts } from "./Parts";
import { SECTIONS } from "./sections";
import "./admin.css";

type Name = keyof typeof SECTIONS | "hours" | "flows" | "audit";
const GROUPS: { name: "people" | "calls" | "record"; sections: [Name, IconName][] }[] = [
  { name: "calls", sections: [["queues", "queue"], ["flows", "flow"], ["hours", "clock"], ["pause_codes", "pause"], ["dispositions", "code"], ["outside_numbers", "phone"]] },
  { name: "people", sections: [["agents", "headset"], ["skills", "star"], ["users", "customer"]] },
  { name: "record", sections: [["audit", "history"]] },
];

export function Admin() {
  const [name, show] = useState<Name>("queues");
  useEffect(() => {
    restoreDrafts();
    void load();
  }, []);
  const open = async (next: Name) => {
    if (next !== name && (await mayLeave())) show(next);
  };
  const hasDraft = (one: Name) => [...drafts.value].some(([key, draft]) => key.startsWith(`${one}/`) && !draft.saved);
  return (
    <div class="admin">
      <nav class="admin-nav card" aria-label={t("admin")}>
        {GROUPS.map((group) => (
          <div key={group.name}>
            <p class="label">{t(`admin.nav.${group.name}`)}</p>
            {group.sections.map(([one, icon]) => (
              <button type="button" key={one} aria-current={name === one ? "page" : undefined} onClick={() => void open(one)} data-test={`section-${one}`}>
                <Icon name={icon} />{t(`admin.section.${one}`)}{hasDraft(one) && <span class="admin-dot" title={t("admin.draft")}>●</span>}
              </button>
            ))}
          </div>
        ))}
      </nav>
      <div class="admin-room">
        {failed.value && <p class="warn" role="alert">{errorText(failed.value)} <button type="button" class="small" onClick={() => void load()}>{t("admin.again")}</button></p>}
        {secret.value && <Secret login={secret.value.login} password={secret.value.password} />}
        {name === "hours" ? <Hours /> : name === "flows" ? <Flows /> : name === "audit" ? <Audit /> : <Parts key={name} section={SECTIONS[name]} />}
      </div>
      <Ask />
    </div>
  );
}

/** A password that cannot be shown again. */
function Secret(props: { login: string; password: string }) {
  return (
    <div class="warn admin-secret-note" role="alert" data-test="secret">
      <p>{t("admin.password_once")} {props.login}: <code data-test="password">{props.password}</code></p>
      <button type="button" class="small" onClick={() => void navigator.clipboard?.writeText(props.password)}><Icon name="copy" />{t("admin.copy")}</button>
      <button type="button" class="small" onClick={() => (secret.value = null)}>{t("admin.password_noted")}</button>
    </div>
  );
}
