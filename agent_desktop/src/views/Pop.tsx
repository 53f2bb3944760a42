import type { ComponentChild } from "preact";
import { errorText } from "../errors";
import { day, language, money, span, t, word } from "../i18n";
import type { Account, Contact, CustomerCard, NumberInfo, Pop as PopData, Repeat } from "../protocol";
import { me, now, pop as shownPop, popFailed, queueName } from "../state";
import { Icon } from "./Icon";
import { WhoIsIt } from "./work/Find";
import { OpenTicket } from "./work/Urge";

/** Who is calling. Everything a caller or a record says is shown as text. */
export function Pop() {
  const own = me.value;
  const shown = shownPop.value;
  if (own === null || own.call_id === null) {
    return (
      <section class="card pop empty" data-test="no-call">
        <Icon name="headset" />
        <h2>{t("no_call")}</h2>
        <p class="dim">{t("no_call_hint")}</p>
      </section>
    );
  }
  return (
    <section class={`card pop scroll ${own.system === "offered" ? "ringing" : ""}`} aria-live="assertive" data-test="pop">
      {popFailed.value !== null && <p class="warn" role="alert">{errorText(popFailed.value)}</p>}
      {shown === null ? <p>{popFailed.value === null && t("loading")}</p> : <Caller pop={shown} />}
    </section>
  );
}

function Caller({ pop }: { pop: PopData }) {
  const customer = pop.customer;
  return (
    <>
      <div class="person">
        <span class="face" aria-hidden="true">{customer?.name ? [...customer.name][0] : <Icon name="customer" />}</span>
        <div>
          <h2 class="name" dir="auto" data-test="caller-name">{customer?.name || t("unknown_caller")}</h2>
          <p class="tags">
            {customer && <span class={`tag tier-${customer.tier}`} data-test="tier">{word("tier", customer.tier)}</span>}
            {customer?.flags.map((flag) => <span class="tag flag" key={flag}>{word("flag", flag)}</span>)}
            <span class="tag number" data-test="caller-number">{pop.number?.shown ?? (pop.caller || t("withheld"))}</span>
            {pop.number !== null && origin(pop.number) !== "" && <span class="tag" data-test="origin">{origin(pop.number)}</span>}
            {customer?.company && <span class="tag"><bdi>{customer.company}</bdi></span>}
          </p>
        </div>
      </div>
      {pop.repeat !== null && <RepeatCaller repeat={pop.repeat} />}
      <ThisCall pop={pop} />
      {customer === null ? <WhoIsIt key={pop.call_id} pop={pop} /> : <File customer={customer} callId={pop.call_id} />}
    </>
  );
}

/** Where the number is from and who carries it, in the language of the page. */
function origin(number: NumberInfo): string {
  const key = language.value === "en" ? "en" : "zh";
  return [number.region[key], number.carrier[key]].filter(Boolean).join(" · ");
}

function RepeatCaller({ repeat }: { repeat: Repeat }) {
  const { calls, last_at: last, order } = repeat;
  return (
    <p class="repeat" role="status" data-test="repeat">
      <strong>{t("repeat_caller")}</strong>
      {calls > 0 && ` · ${t("repeat_calls")}: ${calls}`}
      {last !== null && ` · ${t("repeat_last")} ${day(last)}`}
      {order !== null && ` · ${t("repeat_order")}: ${word("ticket", order.kind)} ${order.number} · ${word("order", order.state)} · ${order.summary}`}
    </p>
  );
}

function ThisCall({ pop }: { pop: PopData }) {
  const until = pop.answered_at ?? now.value;
  const steps = pop.path.map((step) => step.label || step.key).filter(Boolean);
  const digits = pop.digits.map((entered) => entered.digits).filter(Boolean).join("  ");
  return (
    <dl class="facts this-call">
      <Fact name={t("queue")}>{pop.queue && queueName(pop.queue)}</Fact>
      <Fact name={t("waited")}>{pop.entered_at !== null && span(until - pop.entered_at)}</Fact>
      <Fact name={t("path")} test="path">{steps.join(" › ")}</Fact>
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
      <dd dir="auto" data-test={props.test}>{props.children || "–"}</dd>
    </div>
  );
}

function File({ customer, callId }: { customer: CustomerCard; callId: string }) {
  const complaints = customer.orders.filter((one) => one.kind === "complaint");
  const orders = customer.orders.filter((one) => one.kind !== "complaint");
  return (
    <>
      {(customer.address || customer.phones.length > 0) && (
        <dl class="facts">
          <Fact name={t("address")}>{customer.address}</Fact>
          <Fact name={t("phones")}>{customer.phones.join("  ")}</Fact>
          {customer.email && <Fact name={t("email")}>{customer.email}</Fact>}
          {customer.convenient_time && <Fact name={t("convenient_time")}>{customer.convenient_time}</Fact>}
          {customer.notes && <Fact name={t("remarks")}>{customer.notes}</Fact>}
        </dl>
      )}
      <List title={t("accounts")} test="accounts" items={customer.accounts} show={account} />
      <List title={t("orders")} test="orders" items={orders} show={(one) => <OpenTicket key={one.ticket_id} order={one} callId={callId} />} />
      {complaints.length > 0 && <List title={t("complaints")} test="complaints" items={complaints} show={(one) => <OpenTicket key={one.ticket_id} order={one} callId={callId} />} />}
      <List title={t("contacts")} test="contacts" items={customer.contacts} show={contact} />
    </>
  );
}

function List<Item>(props: { title: string; test: string; items: Item[]; show: (item: Item) => ComponentChild }) {
  return (
    <section data-test={props.test}>
      <h3 class="label">{props.title}{props.items.length > 0 && <span class="count">{props.items.length}</span>}</h3>
      {props.items.length === 0 ? <p class="dim">{t("none")}</p> : <ul class="rows">{props.items.map(props.show)}</ul>}
    </section>
  );
}

function account(one: Account) {
  const owes = one.balance_fen < 0;
  return (
    <li key={one.number}>
      <strong>{one.number}</strong>
      <span class={`amount ${owes ? "bad" : "good"}`}>{owes ? t("arrears") : t("balance")} {money(Math.abs(one.balance_fen))}</span>
      {one.due_date && <span class="dim">{t("due")} {one.due_date}</span>}
      <span class="dim">{one.address}</span>
    </li>
  );
}

function outcome(one: Contact): string {
  return word(one.kind === "call" ? "outcome" : "order", one.outcome ?? "");
}

function contact(one: Contact) {
  const ticket = one.kind === "call" ? "" : `${word("ticket", one.kind)} ${one.number}`;
  return (
    <li key={one.call_id + one.ticket_id}>
      <span class="dim">{day(one.at)}</span>
      <span>{[ticket, one.queue && queueName(one.queue), one.outcome && outcome(one), one.agent_id].filter(Boolean).join(" · ")}</span>
      <bdi>{one.topic}</bdi>
    </li>
  );
}

