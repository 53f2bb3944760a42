import type { ComponentChild } from "preact";
import { day, money, span, t, word } from "../i18n";
import type { Account, Contact, CustomerCard, Order, Pop as PopData } from "../protocol";
import { me, now, pop as shownPop, popFailed, queueName } from "../state";
import { CallControls } from "./CallControls";

/** Who is calling. Everything a caller or a record says is shown as text. */
export function Pop() {
  const own = me.value;
  const shown = shownPop.value;
  if (own === null || own.call_id === null) {
    return (
      <section class="card pop empty" data-test="no-call">
        <h2>{t("no_call")}</h2>
        <p class="dim">{t("no_call_hint")}</p>
      </section>
    );
  }
  return (
    <section class={`card pop scroll ${own.system === "offered" ? "ringing" : ""}`} aria-live="assertive" data-test="pop">
      <CallControls own={own} />
      {popFailed.value !== null && <p class="warn" role="alert">{word("error", popFailed.value.code)}</p>}
      {shown === null ? <p>{popFailed.value === null && t("loading")}</p> : <Caller pop={shown} />}
    </section>
  );
}

function Caller({ pop }: { pop: PopData }) {
  const customer = pop.customer;
  return (
    <>
      <h2 class="name" data-test="caller-name">{customer?.name || t("unknown_caller")}</h2>
      <p class="tags">
        <span class="tag number" data-test="caller-number">{pop.caller || t("withheld")}</span>
        {customer?.company && <span class="tag">{customer.company}</span>}
        {customer && <span class={`tag tier-${customer.tier}`} data-test="tier">{word("tier", customer.tier)}</span>}
        {customer?.flags.map((flag) => <span class="tag flag" key={flag}>{word("flag", flag)}</span>)}
      </p>
      <ThisCall pop={pop} />
      {customer && <File customer={customer} />}
    </>
  );
}

function ThisCall({ pop }: { pop: PopData }) {
  const until = pop.answered_at ?? now.value;
  const path = pop.path.map((step) => step.label || step.key).filter(Boolean).join(" › ");
  const digits = pop.digits.map((entered) => entered.digits).filter(Boolean).join("  ");
  return (
    <dl class="facts">
      <Fact name={t("queue")}>{pop.queue && queueName(pop.queue)}</Fact>
      <Fact name={t("waited")}>{pop.entered_at !== null && span(until - pop.entered_at)}</Fact>
      <Fact name={t("path")} test="path">{path}</Fact>
      <Fact name={t("digits")} test="digits">{digits}</Fact>
      <Fact name={t("spoken")}>{pop.language && word("spoken", pop.language)}</Fact>
      <Fact name={t("dialled")}>{pop.did}</Fact>
    </dl>
  );
}

function Fact(props: { name: string; test?: string; children: string | false | null }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd data-test={props.test}>{props.children || "–"}</dd>
    </div>
  );
}

function File({ customer }: { customer: CustomerCard }) {
  return (
    <>
      {(customer.address || customer.phones.length > 0) && (
        <dl class="facts">
          <Fact name={t("address")}>{customer.address}</Fact>
          <Fact name={t("phones")}>{customer.phones.join("  ")}</Fact>
        </dl>
      )}
      <List title={t("accounts")} test="accounts" items={customer.accounts} show={account} />
      <List title={t("orders")} test="orders" items={customer.orders} show={order} />
      <List title={t("contacts")} test="contacts" items={customer.contacts} show={contact} />
    </>
  );
}

function List<Item>(props: { title: string; test: string; items: Item[]; show: (item: Item) => ComponentChild }) {
  return (
    <section data-test={props.test}>
      <h3 class="label">{props.title}</h3>
      {props.items.length === 0 ? <p class="dim">{t("none")}</p> : <ul class="rows">{props.items.map(props.show)}</ul>}
    </section>
  );
}

function account(one: Account) {
  const owes = one.balance_fen < 0;
  return (
    <li key={one.number}>
      <strong>{one.number}</strong>
      <span class={owes ? "bad" : "good"}>{owes ? t("arrears") : t("balance")} {money(Math.abs(one.balance_fen))}</span>
      {one.due_date && <span class="dim">{t("due")} {one.due_date}</span>}
      <span class="dim">{one.address}</span>
    </li>
  );
}

function order(one: Order) {
  return (
    <li key={one.ticket_id}>
      <strong>{one.number}</strong>
      <span>{word("ticket", one.kind)} · {word("order", one.state)}</span>
      <span class="dim">{day(one.opened_at)}</span>
      <span>{one.summary}</span>
    </li>
  );
}

function contact(one: Contact) {
  const ticket = one.kind === "call" ? "" : `${word("ticket", one.kind)} ${one.number}`;
  return (
    <li key={one.call_id + one.ticket_id}>
      <span class="dim">{day(one.at)}</span>
      <span>{[ticket, one.queue && queueName(one.queue), one.outcome && word("outcome", one.outcome), one.agent_id].filter(Boolean).join(" · ")}</span>
      <span>{one.topic}</span>
    </li>
  );
}

