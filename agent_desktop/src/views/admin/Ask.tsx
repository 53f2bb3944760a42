// A question the user answers before anything goes on.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t, type Key } from "../../i18n";

const open = signal<{ question: Key; choices: Key[]; answer: (choice: Key | null) => void } | null>(null);

/** The choice, null when the question was closed without one. The first choice is the usual one. */
export function askUser(question: Key, choices: Key[]): Promise<Key | null> {
  open.value?.answer(null);
  return new Promise((answer) => {
    open.value = { question, choices, answer: (choice) => { open.value = null; answer(choice); } };
  });
}

export async function sure(question: Key, does: Key): Promise<boolean> {
  return (await askUser(question, [does, "admin.leave.stay"])) === does;
}

export function Ask() {
  const dialog = useRef<HTMLDialogElement>(null);
  const asked = open.value;
  useEffect(() => {
    if (asked !== null && dialog.current?.open === false) dialog.current.showModal();
  }, [asked]);
  if (asked === null) return null;
  return (
    <dialog ref={dialog} class="card admin-ask" aria-labelledby="admin-asked" onCancel={() => asked.answer(null)} data-test="ask">
      <p id="admin-asked">{t(asked.question)}</p>
      <div class="controls">
        {asked.choices.map((one, place) => <button type="button" key={one} class={place === 0 ? "primary" : ""} onClick={() => asked.answer(one)} data-test={`ask-${one.split(".").at(-1) ?? ""}`}>{t(one)}</button>)}
      </div>
    </dialog>
  );
}
