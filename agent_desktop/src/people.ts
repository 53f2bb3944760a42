// The names behind logins: people read who paused them, announced or took care, not an account.

import { effect, signal } from "@preact/signals";
import { request } from "./api";
import { t } from "./i18n";
import { connection } from "./live";
import type { Person } from "./protocol";
import { session } from "./state";

const names = signal<ReadonlyMap<string, string>>(new Map());
/** Asked for once each: somebody new has joined since we asked, or he has been removed. */
const unknown = new Set<string>();

async function ask(): Promise<void> {
  const found = await request<Person[]>("GET", "/people").catch((): Person[] => []);
  if (found.length > 0) names.value = new Map(found.map((one) => [one.login, one.name]));
}

/** His name; the login itself for somebody who is no more. */
export function nameOf(login: string): string {
  if (login === "system") return t("by_system");
  const name = names.value.get(login);
  if (name === undefined && login !== "" && names.value.size > 0 && !unknown.has(login)) {
    unknown.add(login);
    queueMicrotask(() => void ask());
  }
  return name || login;
}

effect(() => {
  if (session.value !== null) {
    if (connection.value === "live") void ask();
  } else {
    names.value = new Map();
    unknown.clear();
  }
});
