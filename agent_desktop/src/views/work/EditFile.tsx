import { t, word } from "../../i18n";
import { useEffect, useState } from "preact/hooks";
import { CommandError } from "../../live";
import type { CustomerCard, ErrorBody } from "../../protocol";
import { people } from "../../numbers";
import { Form, type Field } from "./Form";
import { form, type Form as Values, type FormKeeper, openForm } from "./forms";
import { ask, shownCustomer } from "./store";

const NAMES = ["name", "phones", "company", "address", "language", "email", "convenient_time", "flags", "notes"] as const;
export const FLAGS = ["elderly", "vulnerable", "hearing", "sight"] as const;

/** Fields of a customer's file, new or changed. */
export function fileFields(): Field[] {
  return [
    { name: "name", label: t("name"), limit: 128, required: true },
    { name: "phones", label: t("phones"), limit: 400 },
    { name: "company", label: t("company"), limit: 128 },
    { name: "address", label: t("address"), limit: 256 },
    { name: "language", label: t("spoken"), limit: 2, choices: [{ value: "", label: "–" }, { value: "zh", label: word("spoken", "zh") }, { value: "en", label: word("spoken", "en") }] },
    { name: "email", label: t("email"), limit: 128 },
    { name: "convenient_time", label: t("convenient_time"), limit: 64 },
    { name: "flags", label: t("needs"), limit: 100, several: FLAGS.map((one) => ({ value: one, label: word("flag", one) })) },
    { name: "notes", label: t("remarks"), limit: 4000, lines: 2 },
  ];
}

/** As the server takes them: lists of phones and flags, however they are separated. */
export function fileBody(values: Values): Record<string, unknown> {
  const parts = (text: string | undefined) => (text ?? "").split(/[,;，；、\n]/).map((part) => part.trim()).filter(Boolean);
  const given = Object.fromEntries(NAMES.map((name) => [name, values[name] ?? ""]));
  return { ...given, phones: parts(values["phones"]), flags: parts(values["flags"]) };
}

export function openFile(customer: CustomerCard): void {
  if (form("file", customer.customer_id) !== null) return;
  const values = written({ ...customer });
  const base = Object.fromEntries(NAMES.map((name) => [`base.${name}`, values[name] ?? ""]));
  openForm("file", customer.customer_id, { ...values, ...base, version: String(customer.version) });
}

function written(file: Record<string, unknown>): Values {
  const text = (value: unknown) => (Array.isArray(value) ? value.join("; ") : String(value ?? ""));
  const shown = { ...file, phones: (file["phones"] as string[]).map(people) };
  return Object.fromEntries(NAMES.map((name) => [name, text(shown[name as keyof typeof shown])]));
}

export function EditFile({ customer }: { customer: CustomerCard }) {
  const keeper = form("file", customer.customer_id);
  return keeper === null ? null : <OpenFile customer={customer} keeper={keeper} />;
}

/** While it is open somebody else may change the file: what he changed and one has not touched follows at once. */
function OpenFile({ customer, keeper }: { customer: CustomerCard; keeper: FormKeeper }) {
  const [clash, tell] = useState<ErrorBody | null>(null);
  useEffect(() => {
    if (customer.version <= Number(keeper.values.peek()["version"])) return;
    const clashes = join(keeper, { ...customer }, false);
    tell(Object.keys(clashes).length === 0 ? null : { code: "conflict", message: "", details: { reason: "customer_changed", fields: clashes } });
  }, [customer.version, keeper]);
  const send = async (values: Values) => {
    const body = { ...fileBody(values), version: Number(values["version"]) };
    try {
      shownCustomer(await ask<CustomerCard>("POST", `/customers/${encodeURIComponent(customer.customer_id)}`, body));
    } catch (error) {
      throw joined(keeper, error);
    }
  };
  return <Form keeper={keeper} title={t("edit_customer")} fields={fileFields()} test="file-form" submit={t("save")} send={send} news={clash} />;
}

/** Somebody else was first. What only he changed is taken over, what both changed is told at the field; the next save is made on his. */
function joined(keeper: FormKeeper, error: unknown): unknown {
  if (!(error instanceof CommandError) || error.body.details["reason"] !== "customer_changed") return error;
  const clashes = join(keeper, error.body.details, true);
  return new CommandError({ ...error.body, details: { reason: "customer_changed", fields: clashes } });
}

/** `refused`: he was told at a save of his, so the next one is meant. Until then a clash keeps the version he began with: a save in the
 * moment the news comes is refused and told. */
function join(keeper: FormKeeper, file: Record<string, unknown>, refused: boolean): Record<string, string> {
  const theirs = written(file);
  const clashes: Record<string, string> = {};
  for (const name of NAMES) {
    const values = keeper.values.peek();
    const [mine, base, now] = [values[name] ?? "", values[`base.${name}`] ?? "", theirs[name] ?? ""];
    if (now !== base && mine === base) keeper.set(name, now);
    else if (now !== base && now !== mine) clashes[name] = now;
    if (refused || clashes[name] === undefined) keeper.set(`base.${name}`, now);
    keeper.set(`theirs.${name}`, clashes[name] ?? "");
  }
  if (refused || Object.keys(clashes).length === 0) keeper.set("version", String(file["version"]));
  return clashes;
}
