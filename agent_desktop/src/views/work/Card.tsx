import type { ComponentChild } from "preact";
import { date, money, t, word } from "../../i18n";
import type { Account, CustomerCard } from "../../protocol";
import { Icon } from "../Icon";
import { EditFile, openFile } from "./EditFile";
import { Tel } from "./Tel";
import { Timeline } from "./Timeline";
import { OpenTicket } from "./Urge";

/** Who it is: name, tier, what to heed. `more` are further tags. */
export function Person({ customer, name, test, more }: { customer: CustomerCard | null; name: string; test: string; more?: ComponentChild }) {
  return (
    <div class="person">
      <span class="face" aria-hidden="true">{customer?.name ? [...customer.name][0] : <Icon name="customer" />}</span>
      <div class="tags">
        <h2 class="name" dir="auto" data-test={test}>{name}</h2>
        {customer && <span class={`tag tier-${customer.tier}`} data-test="tier">{word("tier", customer.tier)}</span>}
        {customer?.flags.map((flag) => <span class="tag flag" key={flag}>{word("flag", flag)}</span>)}
        {more}
        {customer?.company && <span class="tag"><bdi>{customer.company}</bdi></span>}
      </div>
      {customer && <Advice customer={customer} />}
    </div>
  );
}

const IMPORTANT = ["vip", "platinum", "gold"];

/** What a flag or tier means for the talk, in words. */
function Advice({ customer }: { customer: CustomerCard }) {
  const heeded = [...customer.flags, ...(IMPORTANT.includes(customer.tier) ? ["important"] : [])];
  const said = heeded.map((one) => [one, word("advice", one)] as const).filter(([one, text]) => text !== one);
  if (said.length === 0) return null;
  return <ul class="advice" data-test="advice">{said.map(([one, text]) => <li key={one}><Icon name="info" />{text}</li>)}</ul>;
}

/** What stands in the customer's file, what is open, and the timeline. `callId` null = no call goes on with him. */
export function File({ customer, callId }: { customer: CustomerCard; callId: string | null }) {
  const complaints = customer.orders.filter((one) => one.kind === "complaint");
  const orders = customer.orders.filter((one) => one.kind !== "complaint");
  const ticket = (one: CustomerCard["orders"][number]) => <OpenTicket key={one.ticket_id} order={one} callId={callId} />;
  return (
    <>
      <EditFile customer={customer} />
      <div class="file" data-test="file">
        <section>
          <List title={t("accounts")} test="accounts" items={customer.accounts} show={account} />
          <Facts customer={customer} />
        </section>
        <section>
          {complaints.length > 0 && <List title={t("complaints")} test="complaints" items={complaints} show={ticket} />}
          <List title={t("orders")} test="orders" items={orders} show={ticket} />
        </section>
      </div>
      <Timeline key={customer.customer_id} customerId={customer.customer_id} first={customer.contacts} />
    </>
  );
}

function Facts({ customer }: { customer: CustomerCard }) {
  return (
    <dl class="lines">
      <Fact name={t("address")}>{customer.address}</Fact>
      <div>
        <dt>{t("phones")}</dt>
        <dd class="tels">{customer.phones.length === 0 ? "–" : customer.phones.map((one) => <Tel key={one} number={one} />)}</dd>
      </div>
      {customer.notes && <Fact name={t("remarks")} long>{customer.notes}</Fact>}
      {customer.language && <Fact name={t("spoken")}>{word("spoken", customer.language)}</Fact>}
      {customer.email && <Fact name={t("email")}>{customer.email}</Fact>}
      {customer.convenient_time && <Fact name={t("convenient_time")}>{customer.convenient_time}</Fact>}
      <div>
        <button type="button" class="small" aria-keyshortcuts="Alt+e" onClick={() => openFile(customer)} data-test="edit-customer"><Icon name="edit" />{t("edit_customer")}</button>
      </div>
    </dl>
  );
}

/** `long` = lines of it are kept, and it may be cut. */
export function Fact(props: { name: string; test?: string; long?: boolean; children: string | false | null }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd dir="auto" class={props.long === true ? "long" : ""} data-test={props.test}>{props.children || "–"}</dd>
    </div>
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
      <strong class="number">{one.number}</strong>
      <span class={`amount ${owes ? "bad" : "good"}`}>{owes ? t("arrears") : t("balance")} {money(Math.abs(one.balance_fen))}</span>
      {one.due_date && <span class="dim">{t("due")} {date(one.due_date)}</span>}
      <span class="dim">{one.address}</span>
    </li>
  );
}
