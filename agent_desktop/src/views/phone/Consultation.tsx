import { effect, signal } from "@preact/signals";
import { span, t, word } from "../../i18n";
import type { Commands, Consult } from "../../protocol";
import { busy, me, now, queueName, wish } from "../../state";
import { Act } from "../Act";
import { Icon } from "../Icon";
import { directory, readDirectory } from "./desk";

type Step = Commands["consult"]["step"];

/** The consultation whose end the agent has read. */
const read = signal("");

// Names stand in the directory; it is read when the first consultation of this page needs one.
effect(() => {
  const named = me.value?.consult ?? me.value?.parties[0];
  if (named !== undefined && named !== null && directory.peek().agents.length === 0) readDirectory();
});

/** Whom he asks, who has joined, and why somebody did not: the server's own word, so it survives a reload and shows in every tab. */
export function Consultation() {
  if (me.value?.system === "internal") return null;
  const consult = me.value?.consult ?? null;
  const parties = me.value?.parties ?? [];
  return (
    <>
      {parties.length > 0 && <Conference parties={parties} />}
      {consult !== null && (consult.result === null ? <Asking consult={consult} /> : consult.consult_id !== read.value && <Over consult={consult} />)}
    </>
  );
}

function Asking({ consult }: { consult: Consult }) {
  const step = (name: Step) => () => void wish("consult", { step: name });
  const waits = !consult.answered;
  return (
    <section class="call-bar strip consultation" aria-label={t("consulting")} data-test="consultation">
      <Icon name="consult" />
      <div class="in-hand" role="status">
        <strong>{t("consulting")} <span dir="auto" data-test="consult-who">{who(consult)}</span></strong>
        <span class="dim"><time class="clock">{span(now.value - consult.since)}</time> · <span data-test="consult-state">{word("consult_state", stage(consult))}</span></span>
      </div>
      <div class="acts">
        <Act icon="check" tone="go" label={t("consult.complete")} keys="Alt+c" disabled={busy.value || (waits && consult.to !== "queue")} onClick={step("complete")} test="consult-complete" />
        <Act icon="conference" label={t("consult.join")} keys="Alt+j" disabled={busy.value || waits} onClick={step("join")} test="consult-join" />
        <Act icon="swap" label={t("consult.swap")} keys="Alt+s" disabled={busy.value || waits} onClick={step("swap")} test="consult-swap" />
        <Act icon="callback" label={t("consult.cancel")} keys="Alt+r" disabled={busy.value} onClick={step("cancel")} test="consult-cancel" />
      </div>
    </section>
  );
}

function stage(consult: Consult): string {
  if (!consult.answered) return consult.to === "queue" ? "waiting" : "ringing";
  return consult.with_caller ? "with_caller" : "answered";
}

/** He is back with his caller; this says why. */
function Over({ consult }: { consult: Consult }) {
  return (
    <section class="call-bar strip consultation" role="alert" data-test="consult-over">
      <Icon name="info" />
      <span class="grow"><strong dir="auto">{who(consult)}</strong> {word("consult_result", consult.result ?? "")}</span>
      <button type="button" class="quiet" aria-label={t("dismiss")} onClick={() => (read.value = consult.consult_id)} data-test="consult-read"><Icon name="close" /></button>
    </section>
  );
}

function Conference({ parties }: { parties: Consult[] }) {
  return (
    <section class="call-bar strip conference" aria-label={t("conference")} data-test="conference">
      <Icon name="conference" />
      <strong>{t("conference")}</strong>
      <ul class="parties grow">
        <li>{t("you")}</li>
        <li>{t("customer_party")}</li>
        {parties.map((one) => (
          <li key={one.consult_id} data-test="party">
            <span dir="auto">{who(one)}</span>
            <button type="button" class="quiet" aria-label={`${t("drop_party")} ${who(one)}`} disabled={busy.value} onClick={() => void wish("drop", { party: one.consult_id })} data-test="drop"><Icon name="close" /></button>
          </li>
        ))}
      </ul>
      <div class="acts">
        <Act icon="leave" label={t("leave_conference")} keys="Alt+l" disabled={busy.value} onClick={() => void wish("hang_up", {})} test="leave-conference" />
        <Act icon="hangup" tone="stop" label={t("end_conference")} keys="Alt+x" disabled={busy.value} onClick={() => void wish("drop", { party: null })} test="end-conference" />
      </div>
    </section>
  );
}

export function who(consult: Consult): string {
  const agent = (id: string) => directory.value.agents.find((one) => one.agent_id === id)?.name || id;
  const target = consult.to === "queue" ? queueName(consult.target) : consult.to === "agent" ? agent(consult.target) : consult.target;
  return consult.partner !== null && consult.partner !== consult.target ? `${target} · ${agent(consult.partner)}` : target;
}
