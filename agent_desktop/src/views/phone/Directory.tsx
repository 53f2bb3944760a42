import { t, word } from "../../i18n";
import { me, queueName } from "../../state";
import { Icon, type IconName } from "../Icon";
import { directory } from "./desk";

export interface Target {
  target: string;
  name: string;
  about: string;
  icon: IconName;
  free: boolean;
}

/** Everybody a call can go to, the free ones first; numbers outside stand last. */
function everybody(): Target[] {
  const queues = directory.value.queues.map((queue): Target => ({
    target: queue.name, name: queueName(queue.name), icon: "queue", free: queue.ready > 0,
    about: `${t("ready_agents")} ${queue.ready} · ${t("waiting")} ${queue.waiting}`,
  }));
  const agents = directory.value.agents.filter((agent) => agent.signed_in && agent.agent_id !== me.value?.agent_id).map((agent): Target => ({
    target: agent.agent_id, name: agent.name, icon: "customer", free: agent.free, about: word("presence", agent.state),
  }));
  const numbers = directory.value.numbers.map((one): Target => ({ target: one.number, name: one.name, icon: "phone", free: false, about: one.group }));
  return [...[...agents, ...queues].sort((one, other) => Number(other.free) - Number(one.free)), ...numbers];
}

/** Those whose name, number or group holds the text. */
export function search(text: string): Target[] {
  const wanted = text.trim().toLowerCase();
  return everybody().filter((one) => wanted === "" || `${one.target} ${one.name} ${one.icon === "phone" ? one.about : ""}`.toLowerCase().includes(wanted));
}

/** The found ones under a field; a click chooses. */
export function Found({ id, found, choose }: { id: string; found: Target[]; choose(target: Target): void }) {
  return (
    <ul id={id} class="card targets" data-test={id}>
      {found.map((one) => (
        <li key={one.icon + one.target}>
          <button type="button" class="plain" onClick={() => choose(one)}>
            <Icon name={one.icon} />
            <span><bdi>{one.name}</bdi> <span class="dim">{one.target}</span></span>
            <span class={one.free ? "good" : "dim"}>{one.about}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
