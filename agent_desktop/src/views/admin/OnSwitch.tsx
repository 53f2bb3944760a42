// Whether Asterisk has what is set up here, and what to add there when it has not.

import { useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { t, word } from "../../i18n";
import type { AgentOnSwitch, ErrorBody, NewPhone, PhoneOnSwitch } from "../../protocol";
import { Icon } from "../Icon";
import { bodyOf, onSwitch } from "./model";

/** Neither of his phones is known to Asterisk. */
export function hasNoPhone(agentId: string): boolean {
  const phones = onSwitch.value?.phones[agentId];
  return phones !== undefined && isMissing(phones.desk) && isMissing(phones.softphone);
}

const isMissing = (phone: PhoneOnSwitch) => phone.state === "missing";

export function AgentPhones({ agentId }: { agentId: string }) {
  const phones = onSwitch.value?.phones[agentId];
  if (phones === undefined) return null;
  return (
    <section class="admin-phones" aria-label={t("admin.phones")} data-test="phones">
      <dl>
        <State name="desk" phone={phones.desk} />
        <State name="softphone" phone={phones.softphone} more={isMissing(phones.softphone) || phones.password ? "" : t("admin.phones.no_password")} />
      </dl>
      {hasNoPhone(agentId) && <p class="warn" role="status" data-test="no-phone">{t("admin.phones.none")}</p>}
      {(isMissing(phones.desk) || isMissing(phones.softphone)) && <NewLines agentId={agentId} phones={phones} />}
    </section>
  );
}

function State(props: { name: "desk" | "softphone"; phone: PhoneOnSwitch; more?: string }) {
  const { endpoint, state } = props.phone;
  return (
    <div>
      <dt>{t(`admin.phones.${props.name}`)}</dt>
      <dd><code>{endpoint}</code> <span class={state === "registered" ? "good" : "dim"} data-test={`phone-${props.name}`}>{word("admin.phones.state", state)}</span> {props.more && <span class="bad">{props.more}</span>}</dd>
    </div>
  );
}

/** What to add to Asterisk's files, with a password drawn when it is asked for and kept nowhere. */
function NewLines({ agentId, phones }: { agentId: string; phones: AgentOnSwitch }) {
  const [made, setMade] = useState<NewPhone | null>(null);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const make = () => void request<NewPhone>("POST", `/admin/agents/${encodeURIComponent(agentId)}/phone`, {}).then(setMade, (error: unknown) => setTrouble(bodyOf(error)));
  if (trouble) return <p class="warn" role="alert">{errorText(trouble)}</p>;
  if (made === null) return <button type="button" onClick={make} data-test="phone-lines"><Icon name="phone" />{t("admin.phones.how")}</button>;
  const secret = JSON.stringify({ [made.endpoint]: made.password });
  return (
    <ol class="admin-steps">
      <li>{t("admin.phones.step_conf")} <Copy text={made.lines} name="lines" /></li>
      <li>{t("admin.phones.step_reload")} <code>asterisk -rx "module reload res_pjsip.so"</code></li>
      <li>{t("admin.phones.step_desk")} <code>{phones.desk.endpoint}</code> · <code>{made.password}</code></li>
      <li>{t("admin.phones.step_softphone")} <code>{secret.slice(1, -1)}</code></li>
    </ol>
  );
}

function Copy({ text, name }: { text: string; name: string }) {
  return (
    <span class="admin-copy">
      <pre class="scroll" data-test={`copy-${name}`}>{text.trim()}</pre>
      <button type="button" class="small" onClick={() => void navigator.clipboard?.writeText(text)}><Icon name="copy" />{t("admin.copy")}</button>
    </span>
  );
}

/** Where its callers wait while no server answers. */
export function QueueOnSwitch({ name }: { name: string }) {
  const found = onSwitch.value;
  if (!found?.linked || !found.queues.includes(name)) return null;
  return <p class="dim" data-test="no-own-queue"><Icon name="info" /> {t(found.last_queue ? "admin.own_queue" : "admin.no_last_queue")} <code>[cti-{name}](cti)</code></p>;
}
