// What an error of the server means in the page's language: by code, and more exactly by `details.reason` where there is a word.

import { said, word } from "./i18n";
import type { ErrorBody } from "./protocol";

export function errorText(error: ErrorBody): string {
  const reason = error.details["reason"];
  const exact = typeof reason === "string" ? said(`error.${error.code}.${reason}`) : undefined;
  return exact ?? word("error", error.code);
}

/** Names of fields the server did not accept. */
export function wrongFields(error: ErrorBody | null): string[] {
  if (error === null) return [];
  const { field, fields } = error.details as { field?: unknown; fields?: unknown };
  if (typeof field === "string") return [field];
  return typeof fields === "object" && fields !== null ? Object.keys(fields) : [];
}
