// Phone numbers as people write them. The server keeps E.164 and is sent what was typed.

import { computed } from "@preact/signals";
import { session } from "./state";

const CHINESE = computed(() => session.value?.country === "CN");
/** Country codes of one and two digits; all others have three. */
const COUNTRY = /^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(\d+)$/;

/** `+8613900000001` → `139 0000 0001`, `+861068884321` → `010-6888 4321`, `+442079460958` → `+44 20 7946 0958`; anything else as it is. */
export function people(number: string): string {
  const home = CHINESE.value && number.startsWith("+86") ? chinese(number.slice(3)) : null;
  if (home !== null) return home;
  const [, country, rest] = COUNTRY.exec(number) ?? [];
  if (country === undefined || rest === undefined) return number;
  return `+${country} ${country === "1" ? rest.replace(/^(\d{3})(\d{3})(\d{4})$/, "$1 $2 $3") : grouped(rest)}`;
}

function chinese(national: string): string | null {
  if (/^1[3-9]\d{9}$/.test(national)) return `${national.slice(0, 3)} ${grouped(national.slice(3))}`;
  if (/^[48]00\d{7}$/.test(national)) return `${national.slice(0, 3)}-${national.slice(3, 6)}-${national.slice(6)}`;
  const [, area, local] = /^(10|2\d|[3-9]\d{2})(\d{7,8})$/.exec(national) ?? [];
  return area === undefined || local === undefined ? null : `0${area}-${grouped(local)}`;
}

/** Groups of four from the end. */
function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{4})+$)/g, " ");
}
