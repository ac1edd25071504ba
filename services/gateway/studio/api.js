/** The HTTP API, as the page uses it. */

const KEY = "vultus.key";

/** Why a request failed, as the server tells it (RFC 9457); `unreachable`: there was no answer. */
export class Problem extends Error {
  constructor(told) {
    super(told.detail ?? told.title ?? told.code);
    Object.assign(this, told);
  }
}

/** The API key, or a session's token: it stays in this tab, and goes when the tab does. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
  wellFormed: (value) => /^[\x21-\x7e]{1,200}$/.test(value),
};

/** Sends a request and returns the answer; `version`: what it is to change; an empty `token`: none
 * is shown. Raises Problem. */
export async function call(method, path, { json, form, body, type, token, version, signal } = {}) {
  const secret = token ?? key.get();
  const headers = secret ? { Authorization: `Bearer ${secret}` } : {};
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (type) headers["Content-Type"] = type;
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  const content = json === undefined ? (form ?? body) : JSON.stringify(json);
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: content, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "unreachable", status: 0, retryable: true });
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (problem.status === 401 && token === undefined)
    document.dispatchEvent(new CustomEvent("locked"));
  if (problem.status === 403)
    document.dispatchEvent(new CustomEvent("refused", { detail: problem }));
  throw problem;
}

async function problemOf(answer) {
  const status = answer.status;
  try {
    return new Problem({ status, ...(await answer.json()) });
  } catch {
    return new Problem({ status, code: "broken", title: "", detail: `HTTP ${status}` });
  }
}

/** What a request answers. */
export async function ask(method, path, options) {
  const answer = await call(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

/** What work comes to; null when the caller may not do it. */
export async function ifAllowed(work) {
  try {
    return await work;
  } catch (problem) {
    if (problem.status !== 403) throw problem;
    return null;
  }
}

/** The items of all pages of a list, up to a number of pages. */
export async function all(path, pages = 5) {
  const items = [];
  let cursor = "";
  for (let page = 0; page < pages; page += 1) {
    const part = await ask("GET", `${path}?limit=100&cursor=${encodeURIComponent(cursor)}`);
    items.push(...part.items);
    cursor = part.next_cursor;
    if (!cursor) break;
  }
  return items;
}

/** The events of a server-sent stream: their data, parsed. */
export async function* events(path, signal) {
  const answer = await call("GET", path, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").filter((line) => line.startsWith("data:"));
      if (lines.length) yield JSON.parse(lines.map((line) => line.slice(5)).join("\n"));
    }
  }
}

/** Waits, unless the signal ends it. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
