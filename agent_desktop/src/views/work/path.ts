import { inLanguage } from "../../i18n";
import type { PathStep } from "../../protocol";

/** What the caller chose, one after the other, in the page's language where the flow has it, else as he heard it. */
export function pathWords(steps: readonly PathStep[]): string {
  return steps.map((step) => inLanguage(step.labels) || step.label || step.key).filter(Boolean).join(" › ");
}
