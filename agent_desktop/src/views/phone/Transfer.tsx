import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { busy, me, queueName, wish } from "../../state";
import { Icon, type IconName } from "../Icon";
import { directory, readDirectory } from "./desk";

interface Target {
  target: string;
  name: string;
  about: string;
  icon: IconName;
  free: boolean;
}

/** Where a call can go, the free ones first. */
function targets(): Target[] {
  const queues = directory.value.queues.map((queue): Target => ({
    target: queue.name, name: queueName(queue.name), icon: "queue", free: queue.ready > 0,
    about: `${t("ready_agents")} ${queue.ready} · ${t("waiting")} ${queue.waiting}`,
  }));
  const agents = directory.value.agents.filter((agent) => agent.signed_in && agent.agent_id !== me.value?.agent_id).map((agent): Target => ({
    target: agent.agent_id, name: agent.name, icon: "customer", free: agent.free, about: agent.free ? t("free_agents") : t("busy_agent"),
  }));
  return [...agents, ...queues].sort((one, other) => Number(other.free) - Number(one.free));
}

/** Type or choose whom the caller goes to, then straight away or asked first. */
export function Transfer() {
  const [target, setTarget] = useState("");
  const [open, setOpen] = useState(false);
  const transfer = async (how: "blind" | "attended") => {
    if (target.trim() === "") return;
    setOpen(false);
    await wish("transfer", { target: target.trim(), how });
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void transfer("blind");
  };
  const show = () => {
    readDirectory();
    setOpen(true);
  };
  const wanted = target.trim().toLowerCase();
  const found = targets().filter((one) => wanted === "" || `${one.target} ${one.name}`.toLowerCase().includes(wanted));
  return (
    <form class="transfer" onSubmit={submit} aria-label={t("transfer")} onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      onFocusOut={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && setOpen(false)}>
      <input name="target" role="combobox" aria-expanded={open} aria-controls="targets" aria-label={t("transfer_to")} placeholder={t("transfer_short")} value={target}
        autocomplete="off" aria-keyshortcuts="Alt+8" onFocus={show} maxLength={40} onInput={(event) => setTarget(event.currentTarget.value)} data-test="target" />
      <button type="submit" disabled={busy.value} data-test="blind"><Icon name="transfer" />{t("blind")}</button>
      <button type="button" disabled={busy.value} onClick={() => void transfer("attended")} data-test="attended"><Icon name="consult" />{t("attended")}</button>
      {open && found.length > 0 && (
        <ul id="targets" class="card targets" data-test="targets">
          {found.map((one) => (
            <li key={one.target}>
              <button type="button" class="plain" onClick={() => setTarget(one.target)}>
                <Icon name={one.icon} />
                <span>{one.name} <span class="dim">{one.target}</span></span>
                <span class={one.free ? "good" : "dim"}>{one.about}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
