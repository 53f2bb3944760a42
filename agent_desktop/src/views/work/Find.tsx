import { useEffect, useState } from "preact/hooks";
import { errorText } from "../../errors";
import { t, word } from "../../i18n";
import { CommandError } from "../../live";
import type { CustomerCard, CustomerRow, ErrorBody, Pop } from "../../protocol";
import { people } from "../../numbers";
import { Icon } from "../Icon";
import { fileBody, fileFields } from "./EditFile";
import { asError, Form } from "./Form";
import { keep, kept } from "./kept";
import { Tel } from "./Tel";
import { form, type FormKeeper, openForm } from "./forms";
import { ask, identified, ofCall } from "./store";

const AFTER_KEY_MS = 250;
const SHORTEST = 2;

/** A search that outlives a reload and an expired session; `place` tells several of them apart. */
export function Search({ place, children }: { place: string; children: (row: CustomerRow) => preact.ComponentChild }) {
  const [text, setText] = useState(kept<string>(place) ?? "");
  const [found, setFound] = useState<CustomerRow[] | null>(null);
  const [error, tell] = useState<ErrorBody | null>(null);
  const wanted = text.trim();
  useEffect(() => {
    if (wanted.length < SHORTEST) return setFound(null);
    let late = false;
    const timer = setTimeout(() => {
      void ask<CustomerRow[]>("GET", `/customers?text=${encodeURIComponent(wanted.slice(0, 80))}&limit=20`).then(
        (rows) => !late && (setFound(rows), tell(null)), (failure) => !late && tell(asError(failure)));
    }, AFTER_KEY_MS);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [wanted]);
  const type = (value: string) => {
    setText(value);
    keep(place, value === "" ? null : value);
  };
  return (
    <>
      <label class="find">
        <Icon name="search" /><span class="hidden">{t("find_customer")}</span>
        <input type="search" aria-label={t("find_customer")} placeholder={t("find_customer")} value={text} maxLength={80} dir="auto"
          aria-keyshortcuts="Alt+k" onInput={(event) => type(event.currentTarget.value)} data-test="find" />
      </label>
      {error !== null && <p class="bad" role="alert">{errorText(error)}</p>}
      {found?.length === 0 && <p class="dim" role="status" data-test="nobody-found">{t("nobody_found")}</p>}
      {found !== null && <ul class="rows found" data-test="found">{found.map(children)}</ul>}
    </>
  );
}

/** One line of a list of customers. */
export function Row({ row, action, choose }: { row: CustomerRow; action: string; choose(): void }) {
  return (
    <li>
      <strong><bdi>{row.name}</bdi></strong>
      <span class="dim">{[row.company, row.address].filter(Boolean).map((part) => <bdi key={part}>{part} </bdi>)}{word("tier", row.tier)} </span>
      <span class="tels">{row.phones.map((one) => <Tel key={one} number={one} />)}</span>
      <button type="button" class="small" onClick={choose} data-test="link">{action}</button>
    </li>
  );
}

/** Who is calling, when nobody knows yet: those who have the number, a search, or a new file. */
export function WhoIsIt({ pop }: { pop: Pop }) {
  const [error, tell] = useState<ErrorBody | null>(null);
  const link = (row: CustomerRow, add: boolean) => {
    tell(null);
    void ask<CustomerCard>("POST", ofCall(pop.call_id, "customer"), { customer_id: row.customer_id, add_number: add }).then(
      (card) => identified(pop.call_id, card), (failure) => tell(asError(failure)));
  };
  const keeper = form("customer", pop.call_id);
  return (
    <section class="inset" aria-label={t("who_is_it")} data-test="who-is-it">
      <h3>{t(pop.candidates.length > 1 ? "several_match" : "who_is_it")}</h3>
      {pop.candidates.length > 0 && <ul class="rows" data-test="candidates">{pop.candidates.map((row) => <Row key={row.customer_id} row={row} action={t("link")} choose={() => link(row, false)} />)}</ul>}
      <Search place={`find.${pop.call_id}`}>{(row) => <Row key={row.customer_id} row={row} action={t("link")} choose={() => link(row, pop.caller !== "")} />}</Search>
      {keeper === null && <div class="row"><button type="button" onClick={() => begin(pop)} data-test="new-customer"><Icon name="plus" />{t("new_customer")}</button></div>}
      {error !== null && <p class="bad" role="alert">{errorText(error)}</p>}
      {keeper !== null && <NewCustomer keeper={keeper} action={t("link")} choose={(row) => link(row, pop.caller !== "")} send={(body) => enter(pop.call_id, body)} />}
    </section>
  );
}

function begin(pop: Pop): void {
  openForm("customer", pop.call_id, { name: "", phones: people(pop.caller), language: pop.language ?? "", flags: "" });
}

async function enter(callId: string, body: unknown): Promise<void> {
  identified(callId, await ask<CustomerCard>("POST", ofCall(callId, "new_customer"), body));
}

interface NewCustomerProps {
  keeper: FormKeeper;
  /** What is done with somebody who has a file already. */
  action: string;
  choose(row: CustomerRow): void;
  send(body: unknown): Promise<void>;
}

/** A new file; who may have one already is shown first. */
export function NewCustomer({ keeper, action, choose, send }: NewCustomerProps) {
  const [alike, setAlike] = useState<CustomerRow[]>([]);
  const submit = async (values: Record<string, string>) => {
    try {
      await send({ ...fileBody(values), request_id: values["request_id"], anyway: alike.length > 0 });
    } catch (failure) {
      if (failure instanceof CommandError && failure.body.details["reason"] === "maybe_known") setAlike(failure.body.details["customers"] as CustomerRow[]);
      throw failure;
    }
  };
  return (
    <>
      <Form keeper={keeper} title={t("new_customer")} fields={fileFields()} test="customer-form" submit={t(alike.length > 0 ? "create_anyway" : "create")} send={submit} />
      {alike.length > 0 && <ul class="rows" data-test="alike">{alike.map((row) => <Row key={row.customer_id} row={row} action={action} choose={() => choose(row)} />)}</ul>}
    </>
  );
}
