import { useState } from "preact/hooks";
import { errorText, wrongFields } from "../../errors";
import { t } from "../../i18n";
import { CommandError } from "../../live";
import type { ErrorBody } from "../../protocol";
import { Due } from "./Due";
import type { Form as Values, FormKeeper } from "./forms";

export interface Field {
  name: string;
  label: string;
  limit: number;
  lines?: number;
  required?: boolean;
  choices?: { value: string; label: string }[];
  /** Any of these; the value is theirs with `; ` between. */
  several?: { value: string; label: string }[];
  /** A day and a time; this is what it means to have none. */
  due?: string;
}

export function asError(error: unknown): ErrorBody {
  return error instanceof CommandError ? error.body : { code: "internal", message: String(error), details: {} };
}

interface Props {
  keeper: FormKeeper;
  title: string;
  fields: Field[];
  test: string;
  submit: string;
  send(values: Values): Promise<void>;
  /** Something happened meanwhile that is to be told here. */
  news?: ErrorBody | null;
}

/** A form whose values outlive the view. What the server does not accept is said at the field. */
export function Form({ keeper, title, fields, test, submit, send, news }: Props) {
  const [refused, tell] = useState<ErrorBody | null>(null);
  const error = refused ?? news ?? null;
  const [sending, setSending] = useState(false);
  const wrong = wrongFields(error);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    setSending(true);
    tell(null);
    try {
      await send(keeper.values.value);
      keeper.done();
    } catch (failure) {
      tell(asError(failure));
    } finally {
      setSending(false);
    }
  };
  return (
    <form class="inset" onSubmit={(event) => void onSubmit(event)} aria-label={title} data-test={test}>
      <h3>{title}</h3>
      {fields.map((field, place) => <Input key={field.name} field={field} keeper={keeper} wrong={wrong.includes(field.name)} first={place === 0} />)}
      {error !== null && <p class="bad" role="alert" data-test={`${test}-error`}>{errorText(error)}</p>}
      <div class="row">
        <button type="submit" class="primary" disabled={sending} data-test={`${test}-submit`}>{submit}</button>
        <button type="button" onClick={() => keeper.done()} data-test={`${test}-cancel`}>{t("cancel")}</button>
      </div>
    </form>
  );
}

function Several({ field, keeper }: { field: Field; keeper: FormKeeper }) {
  const chosen = (keeper.values.value[field.name] ?? "").split(";").map((one) => one.trim()).filter(Boolean);
  const toggle = (value: string, on: boolean) => keeper.set(field.name, [...chosen.filter((one) => one !== value), ...(on ? [value] : [])].join("; "));
  return (
    <fieldset data-test={`field-${field.name}`}>
      <legend>{field.label}</legend>
      {field.several?.map((one) => (
        <label key={one.value}><input type="checkbox" checked={chosen.includes(one.value)} onChange={(event) => toggle(one.value, event.currentTarget.checked)} data-test={`flag-${one.value}`} />{one.label}</label>
      ))}
    </fieldset>
  );
}

function Input({ field, keeper, wrong, first }: { field: Field; keeper: FormKeeper; wrong: boolean; first: boolean }) {
  const shared = {
    name: field.name,
    value: keeper.values.value[field.name] ?? "",
    required: field.required ?? false,
    "aria-invalid": wrong,
    "data-test": `field-${field.name}`,
    dir: "auto" as const,
  };
  if (field.several !== undefined) return <Several field={field} keeper={keeper} />;
  if (field.due !== undefined) return <Due name={field.name} label={field.label} none={field.due} keeper={keeper} wrong={wrong} />;
  const theirs = keeper.values.value[`theirs.${field.name}`] ?? "";
  const set = (event: { currentTarget: { value: string } }) => keeper.set(field.name, event.currentTarget.value);
  return (
    <label>
      <span>{field.label}{wrong && <span class="bad"> {theirs === "" ? t("field_wrong") : <>{t("field_theirs")} <bdi>{theirs}</bdi></>}</span>}</span>
      {field.choices !== undefined ? (
        <select {...shared} onChange={set}>{field.choices.map((one) => <option key={one.value} value={one.value}>{one.label}</option>)}</select>
      ) : field.lines !== undefined ? (
        <textarea {...shared} rows={field.lines} maxLength={field.limit} onInput={set} />
      ) : (
        <input {...shared} maxLength={field.limit} autofocus={first} onInput={set} />
      )}
    </label>
  );
}
