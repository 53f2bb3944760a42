// REST, same origin, session in the cookie. Every refusal becomes a CommandError with the server's code.

import { CommandError } from "./live";
import type { ErrorBody } from "./protocol";

const UNREACHABLE: ErrorBody = { code: "connection_lost", message: "the server does not answer", details: {} };

export async function request<Answer>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<Answer> {
  const init: RequestInit = { method, credentials: "same-origin" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  const answer = await fetch(`/api/v1${path}`, init).catch(() => {
    throw new CommandError(UNREACHABLE);
  });
  if (answer.status === 204) return undefined as Answer;
  const parsed: unknown = await answer.json().catch(() => ({ error: UNREACHABLE }));
  if (!answer.ok) throw new CommandError((parsed as { error: ErrorBody }).error);
  return parsed as Answer;
}
