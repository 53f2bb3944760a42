import { day, t, word } from "../../i18n";
import type { Account, Pop, TicketRow } from "../../protocol";
import { people } from "../../numbers";
import { Icon } from "../Icon";
import { dueMicros, dueText } from "./Due";
import { Form, type Field } from "./Form";
import { form, type FormKeeper, openForm } from "./forms";
import { ask, ofCall, reread, work } from "./store";

const KINDS = ["order", "message", "callback"] as const;
type Kind = (typeof KINDS)[number];

/** A work order, a message or a callback in one step, with what is known filled in; and those made in this call. */
export function NewTicket({ pop }: { pop: Pop }) {
  const open = KINDS.map((kind) => [kind, form(kind, pop.call_id)] as const).filter(([, keeper]) => keeper !== null);
  return (
    <section aria-label={t("new_ticket")}>
      <h3 class="label">{t("new_ticket")}</h3>
      <div class="codes">
        {KINDS.map((kind, place) => (
          <button type="button" key={kind} aria-keyshortcuts={place === 0 ? "Alt+t" : undefined} onClick={() => begin(kind, pop)} data-test={`new-${kind}`}><Icon name={kind} />{word("ticket", kind)}</button>
        ))}
      </div>
      {open.map(([kind, keeper]) => <TicketForm key={kind} kind={kind} pop={pop} keeper={keeper as FormKeeper} />)}
      <Made pop={pop} />
    </section>
  );
}

function Made({ pop }: { pop: Pop }) {
  const made = work.value?.call_id === pop.call_id ? work.value.tickets : [];
  if (made.length === 0) return null;
  return (
    <>
      <h3 class="label">{t("made_here")}</h3>
      <ul class="rows made" data-test="made">{made.map((ticket) => <MadeTicket key={ticket.ticket_id} ticket={ticket} pop={pop} />)}</ul>
    </>
  );
}

function MadeTicket({ ticket, pop }: { ticket: TicketRow; pop: Pop }) {
  const keeper = form("edit", ticket.ticket_id);
  const kind = KINDS.find((one) => one === ticket.kind);
  return (
    <li>
      <strong>{word("ticket", ticket.kind)} {ticket.number}</strong>
      <span class="dim">{word("order", ticket.state)}{ticket.due_at != null && ` · ${t("due_by")} ${day(ticket.due_at)}`}</span>
      <bdi>{ticket.summary}</bdi>
      {kind !== undefined && ticket.open && keeper === null && (
        <button type="button" class="small" onClick={() => reopen(ticket)} data-test="edit-ticket"><Icon name="edit" />{t("edit")}</button>
      )}
      {kind !== undefined && keeper !== null && <EditTicket ticket={ticket} kind={kind} pop={pop} keeper={keeper} />}
    </li>
  );
}

export function reopen(ticket: TicketRow): void {
  const { summary, description, phone, name, address, account, changed_at: seen } = ticket;
  const due = dueText(ticket.due_at);
  openForm("edit", ticket.ticket_id, { summary, description, number: people(phone), name, address, account, due_at: due, due_was: due, seen: String(seen) });
}

/** What a ticket says, and when it is due. `pop` null = no call goes on. */
export function EditTicket({ ticket, kind, pop, keeper, saved }: { ticket: TicketRow; kind: Kind; pop: Pop | null; keeper: FormKeeper; saved?: () => void }) {
  const send = async ({ request_id: _, due_was: was, due_at: due, seen, ...values }: Record<string, string>) => {
    // To the minute only, so what was not touched stays what it was.
    const dueAt = due === was ? ticket.due_at : dueMicros(due);
    await ask<TicketRow>("POST", `/tickets/${encodeURIComponent(ticket.ticket_id)}`, { ...values, due_at: dueAt, seen: Number(seen) });
    saved?.();
    await reread();
  };
  return <Form keeper={keeper} title={`${t("edit")} ${ticket.number}`} fields={fieldsOf(kind, pop?.customer?.accounts ?? [])} test="ticket-edit" submit={t("save")} send={send} />;
}

function begin(kind: Kind, pop: Pop): void {
  if (form(kind, pop.call_id) !== null) return;
  const accounts = pop.customer?.accounts ?? [];
  openForm(kind, pop.call_id, {
    summary: kind === "callback" ? word("ticket", kind) : "",
    description: "",
    number: people(pop.caller),
    name: pop.customer?.name ?? "",
    address: pop.customer?.address ?? "",
    account: accounts.length === 1 ? (accounts[0]?.number ?? "") : "",
    due_at: "",
  });
}

function TicketForm({ kind, pop, keeper }: { kind: Kind; pop: Pop; keeper: FormKeeper }) {
  const send = async ({ due_at: due, ...values }: Record<string, string>) => {
    await ask<TicketRow>("POST", ofCall(pop.call_id, "tickets"), { kind, ...values, due_at: dueMicros(due) });
    await reread();
  };
  return <Form keeper={keeper} title={word("ticket", kind)} fields={fieldsOf(kind, pop.customer?.accounts ?? [])} test={`ticket-${kind}`} submit={t("create")} send={send} />;
}

function fieldsOf(kind: Kind, accounts: readonly Account[]): Field[] {
  const number: Field = { name: "number", label: t("number"), limit: 40, required: kind === "callback" };
  const summary: Field = { name: "summary", label: t("summary"), limit: 256, required: true };
  const description: Field = { name: "description", label: t("description"), limit: 4000, lines: 3 };
  const name: Field = { name: "name", label: t("contact_name"), limit: 128 };
  const due: Field = { name: "due_at", label: t("answer_by"), limit: 16, due: t("due_none") };
  if (kind === "callback") return [number, { ...due, label: t("call_at"), due: t("in_turn") }, summary, name, description];
  if (kind === "message") return [summary, number, name, due, description];
  const account: Field = { name: "account", label: t("account"), limit: 16 };
  if (accounts.length > 1) account.choices = [{ value: "", label: "–" }, ...accounts.map((one) => ({ value: one.number, label: one.number }))];
  return [summary, { name: "address", label: t("address"), limit: 256 }, number, name, account, description];
}
