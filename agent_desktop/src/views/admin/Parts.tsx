// A list of parts and the form of the chosen one: queues, agents, skills, codes and users all look alike.

import { useState } from "preact/hooks";
import { errorText } from "../../errors";
import { day, t, word } from "../../i18n";
import { why } from "../../wrong";
import { FieldRow, type Field } from "./Fields";
import { draftOf, drafts, parts, remove, save, sendPart, setDraft, setup, valueAt, withValue, type Draft, type Item, type Part, type Plural } from "./model";
import type { ComponentChildren } from "preact";

export interface Section {
  plural: Plural;
  form: string;
  key: string;
  blank: Item;
  fields: Field[];
  label: (item: Item) => string;
  removable: boolean;
  create?: (draft: Draft) => Promise<Part>;
  more?: (item: Item) => ComponentChildren;
}

const NEW = "";

export function Parts({ section }: { section: Section }) {
  const [chosen, choose] = useState<string | null>(null);
  if (setup.value === null) return <p class="dim">{t("loading")}</p>;
  const all = parts(section.plural);
  const nameOf = (part: Part) => String(part.item[section.key]);
  return (
    <div class="admin-parts">
      <div class="card scroll">
        <button type="button" class="primary" onClick={() => choose(NEW)} data-test="new">{t("admin.new")}</button>
        <ul class="admin-list">
          {all.map((part) => (
            <li key={nameOf(part)}>
              <button type="button" aria-current={chosen === nameOf(part) ? "true" : undefined} onClick={() => choose(nameOf(part))} data-test={`part-${nameOf(part)}`}>
                {section.label(part.item)} <span class="dim">{nameOf(part)}</span>{drafts.value.get(`${section.plural}/${nameOf(part)}`)?.saved === false ? " •" : ""}
              </button>
            </li>
          ))}
        </ul>
      </div>
      {chosen !== null && <Editor key={chosen} section={section} name={chosen} part={all.find((part) => nameOf(part) === chosen) ?? null} choose={choose} />}
    </div>
  );
}

function Editor(props: { section: Section; name: string; part: Part | null; choose: (name: string | null) => void }) {
  const { section, part } = props;
  const key = `${section.plural}/${props.name}`;
  const draft = drafts.value.get(key) ?? draftOf(part, section.blank);
  const change = (path: string, value: unknown) => {
    const { [path]: _, ...fields } = draft.fields;
    setDraft(key, { ...draft, item: withValue(draft.item, path, value), fields, saved: false });
  };
  const submit = async () => {
    const send = draft.seen === null && section.create ? section.create : (one: Draft) => sendPart(section.plural, one);
    await save(key, draft, send);
    const made = drafts.value.get(key);
    if (props.name === NEW && made?.saved) {
      setDraft(key, null);
      const name = String(made.item[section.key]);
      setDraft(`${section.plural}/${name}`, made);
      props.choose(name);
    }
  };
  const gone = async () => {
    if (confirm(t("admin.sure")) && (await remove(section.plural, props.name, draft))) props.choose(null);
  };
  return (
    <form class="card scroll admin-form" onSubmit={(event) => { event.preventDefault(); void submit(); }} data-test="form">
      {draft.trouble && <Trouble draft={draft} change={(next) => setDraft(key, next)} />}
      {draft.saved && <p class="good" role="status" data-test="saved">{t("admin.saved")}</p>}
      {section.fields.map((field) => (
        <FieldRow key={field.name} form={section.form} field={field} value={valueAt(draft.item, field.name)} error={draft.fields[field.name]}
          fixed={draft.seen !== null} change={(value) => change(field.name, value)} />
      ))}
      <div class="controls row admin-actions">
        <button type="submit" class="primary" data-test="save">{t("admin.save")}</button>
        {drafts.value.has(key) && <button type="button" onClick={() => setDraft(key, null)}>{t("admin.discard")}</button>}
        {part !== null && section.removable && <button type="button" class="danger" onClick={() => void gone()} data-test="remove">{t("admin.remove")}</button>}
        {part !== null && section.more?.(part.item)}
      </div>
    </form>
  );
}

/** Why a save was refused; when another administrator was quicker, what he changed and whose shall hold. */
function Trouble({ draft, change }: { draft: Draft; change: (draft: Draft) => void }) {
  const trouble = draft.trouble;
  if (trouble === null) return null;
  const theirs = draft.theirs;
  if (theirs === null) {
    const shown = new Set(Object.keys(draft.fields));
    return <p class="warn" role="alert" data-test="trouble">{errorText(trouble)} {shown.size === 0 ? why(trouble) : ""}</p>;
  }
  const differing = Object.keys({ ...draft.item, ...theirs.part.item }).filter((name) => JSON.stringify(draft.item[name]) !== JSON.stringify(theirs.part.item[name]));
  return (
    <div class="warn" role="alert" data-test="conflict">
      <p>{t("admin.conflict")} {theirs.by} {theirs.at === null ? "" : day(theirs.at)}</p>
      <table>
        <thead><tr><th scope="col">{t("admin.field")}</th><th scope="col">{t("admin.theirs")}</th><th scope="col">{t("admin.mine")}</th></tr></thead>
        <tbody>{differing.map((name) => <tr key={name}><td>{name}</td><td>{JSON.stringify(theirs.part.item[name])}</td><td>{JSON.stringify(draft.item[name])}</td></tr>)}</tbody>
      </table>
      <div class="controls row">
        <button type="button" onClick={() => change(draftOf(theirs.part, {}))} data-test="take-theirs">{t("admin.take_theirs")}</button>
        <button type="button" onClick={() => change({ ...draft, seen: theirs.part.seen, theirs: null, trouble: null })} data-test="keep-mine">{t("admin.keep_mine")}</button>
      </div>
    </div>
  );
}

export function roleWord(role: string): string {
  return word("admin.role", role);
}
