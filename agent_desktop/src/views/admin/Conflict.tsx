// Another administrator was quicker: what he changed beside one's own, and what shall hold. Fields only one of the two changed
// are merged by themselves; where both did, one chooses.

import { useState } from "preact/hooks";
import { day, said, t } from "../../i18n";
import { differing, draftOf, same, valueAt, withValue, type Draft, type Theirs } from "./model";

export function Conflict(props: { draft: Draft; theirs: Theirs; form: string; change: (draft: Draft) => void }) {
  const { draft, theirs, form, change } = props;
  const [takes, setTakes] = useState<ReadonlySet<string>>(new Set());
  const paths = [...new Set([...differing(draft.base, theirs.part.item), ...differing(draft.base, draft.item)])];
  const isBoth = (path: string) => !same(valueAt(draft.base, path), valueAt(theirs.part.item, path)) && !same(valueAt(draft.base, path), valueAt(draft.item, path)) && !same(valueAt(draft.item, path), valueAt(theirs.part.item, path));
  const begun = (item: Draft["item"]): Draft => ({ ...draft, item, base: theirs.part.item, seen: theirs.part.seen, theirs: null, trouble: null, fields: {} });
  const merge = () => {
    const mine = differing(draft.base, draft.item).filter((path) => !takes.has(path));
    change(begun(mine.reduce((item, path) => withValue(item, path, valueAt(draft.item, path)), theirs.part.item)));
  };
  const choose = (path: string, isTheirs: boolean) => {
    const next = new Set(takes);
    if (isTheirs) next.add(path);
    else next.delete(path);
    setTakes(next);
  };
  return (
    <div class="admin-conflict" role="alert" data-test="conflict">
      <p><strong>{t("admin.conflict")}</strong> {theirs.by} {theirs.at === null ? "" : day(theirs.at)}</p>
      <table>
        <thead><tr>{(["field", "before", "theirs", "mine"] as const).map((name) => <th scope="col" key={name}>{t(`admin.${name}`)}</th>)}</tr></thead>
        <tbody>
          {paths.map((path) => (
            <tr key={path} data-test={`differs-${path}`}>
              <th scope="row">{fieldWord(form, path)}</th>
              <td>{shown(valueAt(draft.base, path))}</td>
              {[true, false].map((isTheirs) => (
                <td key={String(isTheirs)}>
                  {isBoth(path) && <input type="radio" name={`merge-${path}`} aria-label={`${fieldWord(form, path)}: ${t(isTheirs ? "admin.theirs" : "admin.mine")}`} checked={takes.has(path) === isTheirs} onChange={() => choose(path, isTheirs)} />}{" "}
                  {shown(valueAt(isTheirs ? theirs.part.item : draft.item, path))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <div class="controls">
        <button type="button" class="primary" onClick={merge} data-test="merge">{t("admin.merge")}</button>
        <button type="button" onClick={() => change(draftOf(theirs.part, {}))} data-test="take-theirs">{t("admin.take_theirs")}</button>
        <button type="button" onClick={() => change(begun(draft.item))} data-test="keep-mine">{t("admin.keep_mine")}</button>
        <span class="dim">{t("admin.conflict_hint")}</span>
      </div>
    </div>
  );
}

/** `queues.night` is called as its field is, with the row behind. */
export function fieldWord(form: string, path: string): string {
  const [name = "", ...rest] = path.split(".");
  const whole = said(`admin.${form}.${path}`);
  return whole ?? [said(`admin.${form}.${name}`) ?? name, ...rest.map((one) => said(`admin.day.${one}`) ?? one)].join(" · ");
}

export function shown(value: unknown): string {
  if (value === undefined || value === null || value === "") return "–";
  if (typeof value === "boolean") return t(value ? "admin.yes" : "admin.no");
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.map(shown).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([name, one]) => `${name}: ${shown(one)}`).join("; ") || "–";
  return String(value);
}
