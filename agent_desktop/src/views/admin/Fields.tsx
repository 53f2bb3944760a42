// One field of a form: its label, what it means, its value, and what is wrong with it.

import { useId, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { said, t } from "../../i18n";

export interface Choice {
  value: string;
  label: string;
}
export type Field =
  | { name: string; kind: "text" | "number" | "bool" | "key" }
  | { name: string; kind: "choice"; choices: () => Choice[]; explain?: (value: string) => string }
  | { name: string; kind: "optional" | "set"; choices: () => Choice[] }
  | { name: string; kind: "levels"; choices: () => Choice[] }
  | { name: string; kind: "relaxations" };

export interface FieldProps {
  form: string;
  field: Field;
  value: unknown;
  error: string | undefined;
  fixed: boolean;
  change: (value: unknown) => void;
}

const WIDE: ReadonlySet<Field["kind"]> = new Set(["set", "levels", "relaxations"]);

export function FieldRow(props: FieldProps) {
  const id = useId();
  const { form, field, error } = props;
  const hint = said(`admin.hint.${form}.${field.name}`);
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return (
    <div class={`admin-field ${WIDE.has(field.kind) ? "wide" : ""} ${field.kind}`} data-test={`field-${field.name}`}>
      <label for={id}>{said(`admin.${form}.${field.name}`) ?? field.name}</label>
      <Input {...props} id={id} described={described} />
      {field.kind === "choice" && field.explain && <p class="dim admin-hint" data-test="explained">{field.explain(String(props.value ?? ""))}</p>}
      {hint && <p id={`${id}-hint`} class="dim admin-hint">{hint}</p>}
      {error && <p id={`${id}-error`} class="bad" role="alert" data-test={`error-${field.name}`}>{error}</p>}
    </div>
  );
}

type InputProps = FieldProps & { id: string; described: string };

function Input(props: InputProps) {
  const { field, value, change, fixed, id } = props;
  const common = { id, "aria-describedby": props.described || undefined, "aria-invalid": props.error ? true : undefined } as const;
  switch (field.kind) {
    case "text":
    case "key":
      return <input {...common} value={String(value ?? "")} disabled={field.kind === "key" && fixed} maxLength={256} onInput={(event) => change(event.currentTarget.value)} />;
    case "number":
      return <NumberInput common={common} value={value} change={change} />;
    case "bool":
      return <input {...common} type="checkbox" checked={value === true} onChange={(event) => change(event.currentTarget.checked)} />;
    case "choice":
    case "optional":
      return (
        <select {...common} value={String(value ?? "")} onChange={(event) => change(event.currentTarget.value === "" && field.kind === "optional" ? null : event.currentTarget.value)}>
          {field.kind === "optional" && <option value="">{t("admin.none")}</option>}
          {field.choices().map((one) => <option key={one.value} value={one.value}>{one.label}</option>)}
        </select>
      );
    case "set":
      return <Checks {...props} choices={field.choices()} />;
    case "levels":
      return <Levels {...props} choices={field.choices()} />;
    case "relaxations":
      return <Relaxations value={value} change={change} />;
  }
}

/** Text until it is a number, so that what is typed stays: the server says what is wrong with it. */
function NumberInput(props: { common: object; value: unknown; change: (value: unknown) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const read = (text: string) => {
    setTyped(text);
    props.change(text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
  };
  return <input {...props.common} class="number" inputMode="decimal" value={typed ?? String(props.value ?? "")} onInput={(event) => read(event.currentTarget.value)} onBlur={() => setTyped(null)} />;
}

function Checks(props: InputProps & { choices: Choice[] }) {
  const chosen = new Set((props.value as string[] | undefined) ?? []);
  const toggle = (value: string, on: boolean) => {
    if (on) chosen.add(value);
    else chosen.delete(value);
    props.change(props.choices.map((one) => one.value).filter((one) => chosen.has(one)));
  };
  return (
    <div class="admin-checks" id={props.id} role="group">
      {props.choices.map((one) => (
        <label key={one.value}><input type="checkbox" checked={chosen.has(one.value)} onChange={(event) => toggle(one.value, event.currentTarget.checked)} />{one.label}</label>
      ))}
    </div>
  );
}

/** A level 1 to 10 of each that is chosen; an empty level = not this one. */
function Levels(props: InputProps & { choices: Choice[] }) {
  const levels = (props.value as Record<string, number> | undefined) ?? {};
  const set = (name: string, text: string) => {
    const { [name]: _, ...others } = levels;
    props.change(text === "" ? others : { ...others, [name]: Number(text) });
  };
  return (
    <div class="admin-checks" id={props.id} role="group">
      {props.choices.map((one) => (
        <label key={one.value}>
          {one.label}
          <select value={String(levels[one.value] ?? "")} data-test={`level-${one.value}`} onChange={(event) => set(one.value, event.currentTarget.value)}>
            <option value="">–</option>
            {Array.from({ length: 10 }, (_, place) => <option key={place} value={String(place + 1)}>{place + 1}</option>)}
          </select>
        </label>
      ))}
    </div>
  );
}

interface Relaxation {
  after_seconds: number;
  lower_by: number;
  drop: string[];
  drop_preferred: boolean;
}

function Relaxations(props: { value: unknown; change: (value: unknown) => void }) {
  const rows = (props.value as Relaxation[] | undefined) ?? [];
  const set = (place: number, part: Partial<Relaxation>) => props.change(rows.map((row, at) => (at === place ? { ...row, ...part } : row)));
  const row = (one: Relaxation, place: number): ComponentChildren => (
    <li key={place}>
      <label>{t("admin.relax.after")}<input class="number" inputMode="decimal" value={one.after_seconds} onChange={(event) => set(place, { after_seconds: Number(event.currentTarget.value) || 0 })} /></label>
      <label>{t("admin.relax.lower")}<input class="number" inputMode="numeric" value={one.lower_by} onChange={(event) => set(place, { lower_by: Number(event.currentTarget.value) || 0 })} /></label>
      <label>{t("admin.relax.drop")}<input value={one.drop.join(" ")} onChange={(event) => set(place, { drop: event.currentTarget.value.split(/[\s,，]+/).filter(Boolean) })} /></label>
      <label class="admin-inline"><input type="checkbox" checked={one.drop_preferred} onChange={(event) => set(place, { drop_preferred: event.currentTarget.checked })} />{t("admin.relax.preferred")}</label>
      <button type="button" onClick={() => props.change(rows.filter((_, at) => at !== place))}>{t("admin.remove")}</button>
    </li>
  );
  return (
    <>
      <ul class="admin-relaxations">{rows.map(row)}</ul>
      <button type="button" onClick={() => props.change([...rows, { after_seconds: 30, lower_by: 1, drop: [], drop_preferred: false }])}>{t("admin.relax.add")}</button>
    </>
  );
}
