// Which flow a dialled number starts, and in which language.

import { useEffect, useState } from "preact/hooks";
import { request } from "../../api";
import { errorText } from "../../errors";
import { inLanguage, t, word } from "../../i18n";
import type { Dids as Numbers, ErrorBody, FlowRow } from "../../protocol";
import { wrongByField } from "../../wrong";
import { Icon } from "../Icon";
import { bodyOf, same } from "./model";
import { Saved, useDirty } from "./Parts";

type Pair = [number: string, target: string];

export function Dids({ flows }: { flows: FlowRow[] }) {
  const [known, setKnown] = useState<Numbers | null>(null);
  const [pairs, setPairs] = useState<Pair[]>([]);
  const [trouble, setTrouble] = useState<ErrorBody | null>(null);
  const [isSaved, setSaved] = useState(false);
  const take = (found: Numbers) => { setKnown(found); setPairs(Object.entries(found.dids)); setTrouble(null); };
  const refuse = (error: unknown) => { setTrouble(bodyOf(error)); setSaved(false); };
  useEffect(() => void request<Numbers>("GET", "/admin/dids").then(take, refuse), []);
  const isChanged = known !== null && !same(pairs, Object.entries(known.dids));
  useDirty("dids", isChanged, () => undefined);
  const save = () => void request<Numbers>("POST", "/admin/dids", { dids: Object.fromEntries(pairs), seen: known?.seen }).then((found) => { take(found); setSaved(true); }, refuse);
  const set = (place: number, pair: Pair) => { setPairs(pairs.map((one, at) => (at === place ? pair : one))); setSaved(false); };
  const now = trouble?.code === "conflict" ? (trouble.details as { now?: Numbers }).now : undefined;
  const wrong = wrongByField(trouble);
  const targets = flows.filter((row) => row.flow !== null).flatMap((row) => Object.keys(row.title).map((language) => ({ value: `${row.flow ?? ""}:${language}`, label: `${inLanguage(row.title)} · ${word("spoken", language)}` })));
  return (
    <form class="card admin-dids" onSubmit={(event) => { event.preventDefault(); save(); }} data-test="dids">
      <h2>{t("admin.dids")}</h2>
      <p class="dim">{t("admin.dids_hint")}</p>
      {trouble && <p class="warn" role="alert">{errorText(trouble)}</p>}
      {now && (
        <div class="controls">
          <button type="button" onClick={() => take(now)}>{t("admin.take_theirs")}</button>
          <button type="button" onClick={() => { setKnown(now); setTrouble(null); }}>{t("admin.keep_mine")}</button>
        </div>
      )}
      <ul class="scroll">
        {pairs.map(([number, target], place) => (
          <li key={place}>
            <span class="controls">
              <input value={number} size={10} maxLength={21} aria-label={t("admin.did.number")} aria-invalid={wrong[number] ? true : undefined} onInput={(event) => set(place, [event.currentTarget.value.trim(), target])} data-test={`did-${place}`} />
              <select value={target} aria-label={`${number} ${t("admin.did.flow")}`} onChange={(event) => set(place, [number, event.currentTarget.value])} data-test={`did-flow-${place}`}>
                {!targets.some((one) => one.value === target) && <option value={target}>{target}</option>}
                {targets.map((one) => <option key={one.value} value={one.value}>{one.label}</option>)}
              </select>
              <button type="button" class="quiet small" aria-label={`${t("admin.remove")} ${number}`} onClick={() => setPairs(pairs.filter((_, at) => at !== place))}><Icon name="close" /></button>
            </span>
            {wrong[number] && <p class="bad" role="alert">{wrong[number]}</p>}
          </li>
        ))}
      </ul>
      <div class="controls admin-actions">
        <button type="submit" class="primary" disabled={!isChanged} data-test="save-dids"><Icon name="check" />{t("admin.save")}</button>
        <button type="button" onClick={() => setPairs([...pairs, ["", targets[0]?.value ?? ""]])} data-test="add-did"><Icon name="plus" />{t("admin.did.add")}</button>
        <Saved isSaved={isSaved && !isChanged} isChanged={isChanged} />
      </div>
    </form>
  );
}
