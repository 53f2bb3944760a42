import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { errorText } from "../../errors";
import { day, t, word } from "../../i18n";
import type { ErrorBody, Order, TicketCard, TicketStep } from "../../protocol";
import { Icon, type IconName } from "../Icon";
import { Time } from "../Time";
import { asError, Form } from "./Form";
import { form, openForm } from "./forms";
import { ask, ofCall } from "./store";

const steps = signal<ReadonlyMap<string, TicketStep[]>>(new Map());
/** Tickets urged with one press, by call: a second press would be a second urging. */
const urged = signal<ReadonlySet<string>>(new Set());

function path(ticketId: string, more = ""): string {
  return `/tickets/${encodeURIComponent(ticketId)}${more}`;
}

/** One open ticket of the customer: what it is, its steps, and a note or an urging added to it. `callId` null = nobody asks right now. */
export function OpenTicket({ order, callId }: { order: Order; callId: string | null }) {
  const name = `urge.${order.ticket_id}`;
  const about = callId ?? order.ticket_id;
  const keeper = form(name, about);
  const known = steps.value.get(order.ticket_id);
  const [error, tell] = useState<ErrorBody | null>(null);
  const show = () => void ask<TicketCard>("GET", path(order.ticket_id)).then(remember, (failure) => tell(asError(failure)));
  const add = async (values: Record<string, string>) => {
    const text = values["text"] ?? "";
    const urges = values["what"] !== "note" && callId !== null;
    remember(
      await (urges
        ? ask<TicketCard>("POST", ofCall(callId, "urge"), { ticket_id: order.ticket_id, text })
        : ask<TicketCard>("POST", path(order.ticket_id, "/notes"), { text })),
    );
  };
  return (
    <li class="ticket">
      <div class="head">
        <span><strong>{order.number}</strong> {word("ticket", order.kind)} · {word("order", order.state)}</span>
        {callId !== null && <Small icon="bell" label={t("urge")} onClick={() => openForm(name, about, { what: "urged", text: "" })} test="urge" />}
        <Small icon="note" label={t("add_note")} onClick={() => openForm(name, about, { what: "note", text: "" })} test="note-ticket" />
        {known === undefined && <Small icon="history" label={t("steps")} onClick={show} test="ticket-steps" />}
      </div>
      <bdi class="wide" title={order.summary}>{order.summary}</bdi>
      <span class="dim">{day(order.opened_at)}{order.due_at != null && ` · ${t("due_by")} ${day(order.due_at)}`}</span>
      {error !== null && <span class="bad" role="alert">{errorText(error)}</span>}
      {known !== undefined && <Steps steps={known} />}
      {keeper !== null && (
        <Form keeper={keeper} title={`${t(keeper.values.value["what"] === "note" ? "add_note" : "urge")} ${order.number}`} test="urge-form" submit={t("save")} send={add}
          fields={[{ name: "text", label: t("note"), limit: 10_000, lines: 3, required: keeper.values.value["what"] === "note" }]} />
      )}
    </li>
  );
}

/** A picture that says what it does when one points at it: a list of tickets has no room for words. */
function Small({ icon, label, onClick, test }: { icon: IconName; label: string; onClick: () => void; test: string }) {
  return <button type="button" class="small" aria-label={label} title={label} onClick={onClick} data-test={test}><Icon name={icon} /></button>;
}

/** The caller asks again: one press, and those who work on it are told. */
export function UrgeAtOnce({ order, callId }: { order: Order; callId: string }) {
  const [error, tell] = useState<ErrorBody | null>(null);
  const key = `${callId} ${order.ticket_id}`;
  const done = urged.value.has(key);
  const press = () => {
    urged.value = new Set(urged.value).add(key);
    void ask<TicketCard>("POST", ofCall(callId, "urge"), { ticket_id: order.ticket_id, text: "" }).then(remember, (failure) => {
      urged.value = new Set([...urged.value].filter((one) => one !== key));
      tell(asError(failure));
    });
  };
  return (
    <>
      <button type="button" class="small" disabled={done} aria-keyshortcuts="Alt+u" onClick={press} data-test="urge-now"><Icon name={done ? "check" : "bell"} />{t(done ? "urged_now" : "urge")}</button>
      {error !== null && <span class="bad" role="alert">{errorText(error)}</span>}
    </>
  );
}

/** Somebody added a step to a ticket whose steps are shown. */
export function rereadSteps(ticketId: string): void {
  if (steps.peek().has(ticketId)) void ask<TicketCard>("GET", path(ticketId)).then(remember, () => undefined);
}

function remember(card: TicketCard): void {
  steps.value = new Map(steps.value).set(card.ticket_id, card.notes);
}

function Steps({ steps: shown }: { steps: TicketStep[] }) {
  if (shown.length === 0) return <span class="dim">{t("none")}</span>;
  return (
    <ol class="steps" data-test="steps">
      {shown.map((step) => (
        <li key={`${step.at}${step.what}`}><Time at={step.at} /> <span class="dim">{step.by === "caller" || step.by === "server" ? t(`by.${step.by}`) : step.by}</span> {stepName(step.what)} <bdi>{step.what === "changed" ? changedFields(step.text) : step.text}</bdi></li>
      ))}
    </ol>
  );
}

const FIELDS: Record<string, Parameters<typeof t>[0]> = {
  summary: "summary", description: "description", number: "number", name: "contact_name", address: "address", account: "account", due_at: "due_by",
};

function changedFields(names: string): string {
  return names.split(", ").map((name) => (FIELDS[name] === undefined ? name : t(FIELDS[name]))).join(", ");
}

function stepName(what: string): string {
  if (what === "urged") return t("urged");
  if (what === "changed") return t("changed");
  if (what === "attempt") return t("attempt");
  return what === "note" ? t("note") : word("order", what);
}
