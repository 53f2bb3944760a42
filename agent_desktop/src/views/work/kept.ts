// What is typed and not yet at the server, kept in the tab's own storage: it outlives a reload and an expired session, and
// goes with the tab. Keys carry the login: another person at this screen never sees it.

const PREFIX = "cti.work.";

let owner = "";

/** From now on things are kept for `login`; what others left behind is thrown away. */
export function keepFor(login: string): void {
  owner = login;
  forget((key) => !key.startsWith(`${PREFIX}${login}.`));
}

export function forgetKept(): void {
  forget(() => true);
}

export function keep(key: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(full(key));
    else sessionStorage.setItem(full(key), JSON.stringify(value));
  } catch {
    // A full or forbidden storage: it still stands in memory.
  }
}

export function kept<Value>(key: string): Value | null {
  try {
    return JSON.parse(sessionStorage.getItem(full(key)) ?? "null") as Value | null;
  } catch {
    return null;
  }
}

/** Keys kept for the present login, with this beginning. */
export function keptKeys(start: string): string[] {
  const wanted = full(start);
  return all().filter((key) => key.startsWith(wanted)).map((key) => key.slice(full("").length));
}

function full(key: string): string {
  return `${PREFIX}${owner}.${key}`;
}

function all(): string[] {
  return Array.from({ length: sessionStorage.length }, (_, place) => sessionStorage.key(place) ?? "").filter((key) => key.startsWith(PREFIX));
}

function forget(which: (key: string) => boolean): void {
  for (const key of all().filter(which)) sessionStorage.removeItem(key);
}
