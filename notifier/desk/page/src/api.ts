import type { ActionBody, ActionName, Case, CaseInFull, CasePage, Me } from "./types.js";

const ANSWER_WITHIN_MS = 10_000;
const PAGE_SIZE = 100;
const MOST_PAGES = 20;
const RECENTLY_CLOSED = 20;

/** A refusal in the server's words. Status 0 means that no answer came at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title || `status ${status}`);
  }
}

export interface Snapshot {
  readonly active: readonly Case[];
  readonly closed: readonly Case[];
  readonly feedId: number;
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const init: RequestInit = {
    method,
    cache: "no-store",
    credentials: "same-origin",
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { Accept: "application/json", "Content-Type": "application/json" };
  }
  const response = await fetch(path, init).catch((error: unknown) => {
    throw new ApiError(0, "", String(error));
  });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const problem = JSON.parse(text) as { title?: unknown; detail?: unknown };
    return new ApiError(response.status, words(problem.title), words(problem.detail));
  } catch {
    // A proxy in between answers in HTML: its status line says more to people than its markup.
    return new ApiError(response.status, response.statusText, "");
  }
}

function words(value: unknown): string {
  return typeof value === "string" ? value : "";
}

async function json<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw new ApiError(0, "", String(error));
  }
}

export async function me(): Promise<Me> {
  return json<Me>(await send("GET", "/api/v1/me"));
}

export async function signIn(token: string): Promise<void> {
  await send("POST", "/api/v1/session", { token });
}

export async function signOut(): Promise<void> {
  await send("DELETE", "/api/v1/session");
}

export async function oneCase(id: string): Promise<CaseInFull> {
  return json<CaseInFull>(await send("GET", `/api/v1/cases/${encodeURIComponent(id)}`));
}

export async function act(id: string, action: ActionName, body: ActionBody): Promise<CaseInFull> {
  return json<CaseInFull>(await send("POST", `/api/v1/cases/${encodeURIComponent(id)}/${action}`, body));
}

async function casePage(status: string, limit: number, cursor: string | null): Promise<CasePage> {
  const query = new URLSearchParams({ status, limit: String(limit) });
  if (cursor !== null) query.set("cursor", cursor);
  return json<CasePage>(await send("GET", `/api/v1/cases?${query}`));
}

/** Everything the list shows. The feed starts at the first page's id: lines that come while we read are told again. */
export async function snapshot(): Promise<Snapshot> {
  const first = await casePage("active", PAGE_SIZE, null);
  const active = new Map(first.cases.map((one) => [one.id, one]));
  let next = first.next;
  for (let page = 1; next !== null && page < MOST_PAGES; page += 1) {
    const more = await casePage("active", PAGE_SIZE, next);
    for (const one of more.cases) active.set(one.id, one);
    next = more.next;
  }
  const closed = await casePage("closed", RECENTLY_CLOSED, null);
  return { active: [...active.values()], closed: closed.cases, feedId: first.feed_id };
}
