// A list of parts and the form of the chosen one: queues, agents, skills, codes and users all look alike.

import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { errorText } from "../../errors";
import { said, t, word } from "../../i18n";
import { why } from "../../wrong";
import { Icon } from "../Icon";
import { sure } from "./Ask";
import { Conflict } from "./Conflict";
import { FieldRow, type Field } from "./Fields";
import { differing, dirty, draftOf, drafts, mayLeave, parts, remove, save, sendPart, setDraft, setup, unsaved, valueAt, withValue, type Draft, type Item, type Part, type Plural } from "./model";

export interface Group {
  /** Its title is admin.group.<name>. */
  name: string;
  fields: Field[];
}
export interface Section {
  plural: Plural;
  form: string;
  key: string;
  blank: Item;
  groups: Group[];
  label: (item: Item) => string;
  /** What stands under the label in the list. */
  about: (item: Item) => string;
  /** Shown faint in the list: cannot be used now. */
  isOff?: (item: Item) => boolean;
  removable: boolean;
  create?: (draft: Draft) => Promise<Part>;
  more?: (item: Item) => ComponentChildren;
  note?: (item: Item) => string;
  /** A word in the list: something is not as it should be. */
  mark?: (item: Item) => string;
  /** Below the fields of a part that is there. */
  extra?: (item: Item) => ComponentChildren;
}

const NEW = "";

export function Parts({ section }: { section: Section }) {
  const [chosen, choose] = useState<string | null>(null);
  const [filter, setFilter] = useState("");
  if (setup.value === null) return <p class="dim">{t("loading")}</p>;
  const all = parts(section.plural);
  const nameOf = (part: Part) => String(part.item[section.key]);
  const open = async (name: string | null) => {
    if (name !== chosen && (await mayLeave())) choose(name);
  };
  const isWanted = (part: Part) => [nameOf(part), section.label(part.item), section.about(part.item)].join(" ").toLowerCase().includes(filter.toLowerCase());
  return (
    <div class="admin-parts">
      <div class="card admin-index">
        <div class="controls admin-find">
          <input type="search" value={filter} placeholder={t("admin.find")} aria-label={t("admin.find")} onInput={(event) => setFilter(event.currentTarget.value)} data-test="find" />
          <button type="button" class="primary" onClick={() => void open(NEW)} data-test="new"><Icon name="plus" />{t("admin.new")}</button>
        </div>
        <ul class="admin-list scroll">
          {unsaved(`${section.plural}/${NEW}`) && chosen !== NEW && <li><button type="button" onClick={() => void open(NEW)} data-test="draft-new"><strong>{t("admin.new")}</strong> <em>{t("admin.draft")}</em></button></li>}
          {all.filter(isWanted).map((part) => (
            <li key={nameOf(part)} class={section.isOff?.(part.item) ? "off" : ""}>
              <button type="button" aria-current={chosen === nameOf(part) ? "true" : undefined} onClick={() => void open(nameOf(part))} data-test={`part-${nameOf(part)}`}>
                <strong>{section.label(part.item) || nameOf(part)}</strong> <span class="dim">{nameOf(part)}</span>
                {unsaved(`${section.plural}/${nameOf(part)}`) && <em>{t("admin.draft")}</em>}
                {section.mark?.(part.item) && <em>{section.mark(part.item)}</em>}
                <small class="dim">{section.about(part.item)}</small>
              </button>
            </li>
          ))}
          {all.length === 0 && <li class="dim">{t("none")}</li>}
        </ul>
      </div>
      {chosen === null
        ? <div class="card admin-empty"><p>{said(`admin.about.${section.plural}`)}</p><p class="dim">{t("admin.choose")}</p></div>
        : <Editor key={chosen} section={section} name={chosen} part={all.find((part) => nameOf(part) === chosen) ?? null} choose={choose} />}
    </div>
  );
}

/** Tells the page that what is open is not saved, so that nobody leaves it unasked. */
export function useDirty(key: string, isDirty: boolean, discard: () => void): void {
  useEffect(() => {
    dirty.value = isDirty ? { key, discard } : null;
    return () => {
      if (dirty.value?.key === key) dirty.value = null;
    };
  }, [key, isDirty]);
}

function Editor(props: { section: Section; name: string; part: Part | null; choose: (name: string | null) => void }) {
  const { section, part } = props;
  const key = `${section.plural}/${props.name}`;
  const draft = drafts.value.get(key) ?? draftOf(part, section.blank);
  const isChanged = !draft.saved && differing(draft.base, draft.item).length > 0;
  useDirty(key, isChanged, () => setDraft(key, null));
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
      dirty.value = null;
      props.choose(name);
    }
  };
  const gone = async () => {
    if ((await sure("admin.sure", "admin.remove")) && (await remove(section.plural, props.name, draft))) props.choose(null);
  };
  const note = part !== null ? section.note?.(part.item) : "";
  return (
    <form class="card admin-form" onSubmit={(event) => { event.preventDefault(); void submit(); }} data-test="form">
      <h2>{part === null ? t("admin.new") : section.label(part.item) || props.name}</h2>
      <div class="scroll">
        {draft.theirs !== null
          ? <Conflict draft={draft} theirs={draft.theirs} form={section.form} change={(next) => setDraft(key, next)} />
          : draft.trouble && <Trouble draft={draft} />}
        {note && <p class="warn">{note}</p>}
        {section.groups.map((group) => (
          <fieldset key={group.name}>
            <legend>{said(`admin.group.${group.name}`)}</legend>
            <div class="admin-fields">
              {group.fields.map((field) => (
                <FieldRow key={field.name} form={section.form} field={field} value={valueAt(draft.item, field.name)} error={draft.fields[field.name]}
                  fixed={draft.seen !== null} change={(value) => change(field.name, value)} />
              ))}
            </div>
          </fieldset>
        ))}
        {part !== null && section.extra?.(part.item)}
      </div>
      <div class="controls admin-actions">
        <button type="submit" class="primary" data-test="save"><Icon name="check" />{t("admin.save")}</button>
        {isChanged && <button type="button" onClick={() => setDraft(key, null)} data-test="discard">{t("admin.discard")}</button>}
        <Saved isSaved={draft.saved} isChanged={isChanged} />
        <span class="grow" />
        {part !== null && section.more?.(part.item)}
        {part !== null && section.removable && <button type="button" class="danger" onClick={() => void gone()} data-test="remove">{t("admin.remove")}</button>}
      </div>
    </form>
  );
}

export function Saved(props: { isSaved: boolean; isChanged: boolean }) {
  if (props.isSaved) return <span class="good" role="status" data-test="saved">{t("admin.saved")}</span>;
  return props.isChanged ? <span class="dim" data-test="unsaved">{t("admin.unsaved")}</span> : null;
}

/** Why a save was refused. What a field says itself is not said twice. */
export function Trouble({ draft }: { draft: Draft }) {
  if (draft.trouble === null) return null;
  const hasFields = Object.keys(draft.fields).length > 0;
  return <p class="warn" role="alert" data-test="trouble">{errorText(draft.trouble)} {hasFields ? "" : why(draft.trouble)}</p>;
}

export function roleWord(role: string): string {
  return word("admin.role", role);
}
