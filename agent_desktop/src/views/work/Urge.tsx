import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { errorText } from "../../errors";
import { day, t, word } from "../../i18n";
import type { ErrorBody, Order, TicketCard, TicketStep } from "../../protocol";
import { asError, Form } from "./Form";
import { ask, form, ofCall, openForm } from "./store";

const steps = signal<ReadonlyMap<string, TicketStep[]>>(new Map());

/** One open ticket of the customer: what it is, its steps, and a note or an urging added to it. */
export function OpenTicket({ order, callId }: { order: Order; callId: string }) {
  const name = `urge.${order.ticket_id}`;
  const keeper = form(name, callId);
  const known = steps.value.get(order.ticket_id);
  const [error, tell] = useState<ErrorBody | null>(null);
  const show = () => void ask<TicketCard>("GET", `/tickets/${encodeURIComponent(order.ticket_id)}`).then(remember, (failure) => tell(asError(failure)));
  const add = async (values: Record<string, string>) => {
    const text = values["text"] ?? "";
    const urges = values["what"] !== "note";
    remember(
      await (urges
        ? ask<TicketCard>("POST", ofCall(callId, "urge"), { ticket_id: order.ticket_id, text })
        : ask<TicketCard>("POST", `/tickets/${encodeURIComponent(order.ticket_id)}/notes`, { text })),
    );
  };
  return (
    <li>
      <strong>{order.number}</strong>
      <span>{word("ticket", order.kind)} · {word("order", order.state)}</span>
      <span class="dim">{day(order.opened_at)}</span>
      <bdi>{order.summary}</bdi>
      <span class="row">
        <button type="button" class="small" onClick={() => openForm(name, callId, { what: "urged", text: "" })} data-test="urge">{t("urge")}</button>
        <button type="button" class="small" onClick={() => openForm(name, callId, { what: "note", text: "" })} data-test="note-ticket">{t("add_note")}</button>
        {known === undefined && <button type="button" class="small" onClick={show} data-test="ticket-steps">{t("steps")}</button>}
      </span>
      {error !== null && <span class="bad" role="alert">{errorText(error)}</span>}
      {known !== undefined && <Steps steps={known} />}
      {keeper !== null && (
        <Form keeper={keeper} title={`${t(keeper.values.value["what"] === "note" ? "add_note" : "urge")} ${order.number}`} test="urge-form" submit={t("save")} send={add}
          fields={[{ name: "text", label: t("note"), limit: 10_000, lines: 3, required: keeper.values.value["what"] === "note" }]} />
      )}
    </li>
  );
}

function remember(card: TicketCard): void {
  steps.value = new Map(steps.value).set(card.ticket_id, card.notes);
}

function Steps({ steps: shown }: { steps: TicketStep[] }) {
  if (shown.length === 0) return <span class="dim">{t("none")}</span>;
  return (
    <ol class="steps" data-test="steps">
      {shown.map((step) => (
        <li key={`${step.at}${step.what}`}><span class="dim">{day(step.at)} {step.by}</span> {stepName(step.what)} <bdi>{step.text}</bdi></li>
      ))}
    </ol>
  );
}

function stepName(what: string): string {
  if (what === "urged") return t("urged");
  return what === "note" ? t("note") : word("order", what);
}
