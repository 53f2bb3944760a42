import { useEffect, useState } from "preact/hooks";
import { errorText } from "../../errors";
import { t, word } from "../../i18n";
import type { CustomerCard, CustomerRow, ErrorBody, Pop } from "../../protocol";
import { asError, Form, type Field } from "./Form";
import { ask, form, identified, ofCall, openForm } from "./store";

const AFTER_KEY_MS = 250;
const SHORTEST = 2;

/** Who is calling, when nobody knows yet: those who have the number, a search, or a new file. */
export function WhoIsIt({ pop }: { pop: Pop }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<CustomerRow[]>([]);
  const [error, tell] = useState<ErrorBody | null>(null);
  const wanted = text.trim();
  useEffect(() => {
    if (wanted.length < SHORTEST) return setFound([]);
    let late = false;
    const timer = setTimeout(() => {
      void ask<CustomerRow[]>("GET", `/customers?text=${encodeURIComponent(wanted.slice(0, 80))}&limit=10`).then(
        (rows) => !late && setFound(rows), (failure) => !late && tell(asError(failure)));
    }, AFTER_KEY_MS);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [wanted]);
  const link = (row: CustomerRow, add: boolean) => {
    tell(null);
    void ask<CustomerCard>("POST", ofCall(pop.call_id, "customer"), { customer_id: row.customer_id, add_number: add }).then(
      (card) => identified(pop.call_id, card), (failure) => tell(asError(failure)));
  };
  const keeper = form("customer", pop.call_id);
  return (
    <section class="inset" aria-label={t("who_is_it")} data-test="who-is-it">
      <h3>{t(pop.candidates.length > 1 ? "several_match" : "who_is_it")}</h3>
      <Rows rows={pop.candidates} link={(row) => link(row, false)} test="candidates" />
      <div class="row">
        <input type="search" aria-label={t("find_customer")} placeholder={t("find_customer")} value={text} maxLength={80} dir="auto"
          aria-keyshortcuts="Alt+k" onInput={(event) => setText(event.currentTarget.value)} data-test="find" />
        {keeper === null && <button type="button" onClick={() => begin(pop)} data-test="new-customer">{t("new_customer")}</button>}
      </div>
      {wanted.length >= SHORTEST && <Rows rows={found} link={(row) => link(row, pop.caller !== "")} test="found" />}
      {error !== null && <p class="bad" role="alert">{errorText(error)}</p>}
      {keeper !== null && <Form keeper={keeper} title={t("new_customer")} fields={fields()} test="customer-form" submit={t("create")} send={(values) => create(pop.call_id, values)} />}
    </section>
  );
}

function Rows({ rows, link, test }: { rows: CustomerRow[]; link(row: CustomerRow): void; test: string }) {
  return (
    <ul class="rows" data-test={test}>
      {rows.map((row) => (
        <li key={row.customer_id}>
          <strong><bdi>{row.name}</bdi></strong>
          <span class="dim"><bdi>{row.company}</bdi> {word("tier", row.tier)} {row.phones.join("  ")}</span>
          <button type="button" class="small" onClick={() => link(row)} data-test="link">{t("link")}</button>
        </li>
      ))}
    </ul>
  );
}

function begin(pop: Pop): void {
  openForm("customer", pop.call_id, { name: "", phones: pop.number?.shown ?? pop.caller, language: pop.language ?? "", flags: "" });
}

function fields(): Field[] {
  return [
    { name: "name", label: t("name"), limit: 128, required: true },
    { name: "phones", label: t("phones"), limit: 200 },
    { name: "company", label: t("company"), limit: 128 },
    { name: "address", label: t("address"), limit: 256 },
    { name: "language", label: t("spoken"), limit: 2, choices: [{ value: "", label: "–" }, { value: "zh", label: word("spoken", "zh") }, { value: "en", label: word("spoken", "en") }] },
    { name: "flags", label: t("needs"), limit: 20, choices: [{ value: "", label: "–" }, { value: "elderly", label: word("flag", "elderly") }, { value: "vulnerable", label: word("flag", "vulnerable") }] },
  ];
}

async function create(callId: string, values: Record<string, string>): Promise<void> {
  const parts = (text: string | undefined) => (text ?? "").split(/[,;，；、\n]/).map((part) => part.trim()).filter(Boolean);
  const body = { ...values, phones: parts(values["phones"]), flags: parts(values["flags"]) };
  identified(callId, await ask<CustomerCard>("POST", ofCall(callId, "new_customer"), body));
}
