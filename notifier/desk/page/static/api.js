const ANSWER_WITHIN_MS = 10_000;
const PAGE_SIZE = 100;
const MOST_PAGES = 20;
const RECENTLY_CLOSED = 20;
/** A refusal in the server's words. Status 0 means that no answer came at all. */
export class ApiError extends Error {
    status;
    title;
    detail;
    constructor(status, title, detail) {
        super(detail || title || `status ${status}`);
        this.status = status;
        this.title = title;
        this.detail = detail;
    }
}
async function send(method, path, body) {
    const init = {
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
    const response = await fetch(path, init).catch((error) => {
        throw new ApiError(0, "", String(error));
    });
    if (!response.ok)
        throw await refusal(response);
    return response;
}
async function refusal(response) {
    const text = await response.text().catch(() => "");
    try {
        const problem = JSON.parse(text);
        return new ApiError(response.status, words(problem.title), words(problem.detail));
    }
    catch {
        // A proxy in between answers in HTML: its status line says more to people than its markup.
        return new ApiError(response.status, response.statusText, "");
    }
}
function words(value) {
    return typeof value === "string" ? value : "";
}
async function json(response) {
    try {
        return (await response.json());
    }
    catch (error) {
        throw new ApiError(0, "", String(error));
    }
}
export async function me() {
    return json(await send("GET", "/api/v1/me"));
}
export async function signIn(token) {
    await send("POST", "/api/v1/session", { token });
}
export async function signOut() {
    await send("DELETE", "/api/v1/session");
}
export async function oneCase(id) {
    return json(await send("GET", `/api/v1/cases/${encodeURIComponent(id)}`));
}
export async function act(id, action, body) {
    return json(await send("POST", `/api/v1/cases/${encodeURIComponent(id)}/${action}`, body));
}
async function casePage(status, limit, cursor) {
    const query = new URLSearchParams({ status, limit: String(limit) });
    if (cursor !== null)
        query.set("cursor", cursor);
    return json(await send("GET", `/api/v1/cases?${query}`));
}
/** Everything the list shows. The feed starts at the first page's id: lines that come while we read are told again. */
export async function snapshot() {
    const first = await casePage("active", PAGE_SIZE, null);
    const active = new Map(first.cases.map((one) => [one.id, one]));
    let next = first.next;
    for (let page = 1; next !== null && page < MOST_PAGES; page += 1) {
        const more = await casePage("active", PAGE_SIZE, next);
        for (const one of more.cases)
            active.set(one.id, one);
        next = more.next;
    }
    const closed = await casePage("closed", RECENTLY_CLOSED, null);
    return { active: [...active.values()], closed: closed.cases, feedId: first.feed_id };
}
