// Keys without Alt, for whoever leads: where nobody types, a letter presses the button that says it has it.

import { useLayoutEffect } from "preact/hooks";

const TYPED = ["INPUT", "TEXTAREA", "SELECT"];

/** Focuses and clicks what is found for `key` (upper case); told whether there was anything. */
export function pressIn(place: string, key: string): boolean {
  const target = document.querySelector<HTMLElement>(`${place} [aria-keyshortcuts="${CSS.escape(key)}"]:not(:disabled)`);
  if (target === null || target.closest("[inert]") !== null) return false;
  target.focus();
  if (target.tagName === "BUTTON") target.click();
  return true;
}

/** `press` answers whether the key was its own. Heard from the first moment its component is shown: a layout effect, not one
 * that comes after the next paint. */
export function useLetters(press: (key: string) => boolean): void {
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key !== "Escape" && TYPED.includes((event.target as HTMLElement).tagName)) return;
      if (press(event.key.length === 1 ? event.key.toUpperCase() : event.key)) event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
