// Talking to the server: the one client of all pages. JSON, forms, or a stream of lines, with the CSRF token read anew each time and a deadline;
// whatever goes wrong is an HttpError, whose kind says what may be done about it.

const DEADLINE = 60_000; // ms for a whole answer; a stream has none, who reads it watches over it
const PARTING = 20_000; // characters: browsers refuse more than 64 kB on the way out

/** `kind`: "offline" (no answer, a server that is down or busy, something between us: the same may be sent again later), "login" (nobody is
 *  signed in), "refused" (not as it is: `code`, `field` and `data` say why). `said`: the server's own sentence for the person, or "". */
export class HttpError extends Error {
  constructor(kind, status = 0, data = null) {
    const error = (data && data.error) || {};
    super(error.message || kind);
    this.kind = kind;
    this.status = status;
    this.code = error.code || "";
    this.field = error.field || "";
    this.data = data || {};
    this.said = (kind !== "login" && error.message) || "";
  }
}

/** The current CSRF token. Read from the cookie each time: signing in again in place changes it. */
export function csrfToken() {
  const found = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/);
  return found ? decodeURIComponent(found[1]) : (document.querySelector("[name=csrfmiddlewaretoken]") || {}).value || "";
}

/** Have a token: the page at `url` brings one when its cookie is gone. */
export async function freshToken(url) {
  if (!csrfToken()) await fetch(url, { credentials: "same-origin" });
}

/** A key that makes a repeated send harmless. (crypto.randomUUID does not exist over plain HTTP.) */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Milliseconds to wait before what did not arrive is sent again, after so many failures in a row. */
export const pause = (failures) => Math.min(2000 * 1.7 ** failures, 30_000);

/** Send the fields of a form; the answer's JSON. */
export function postForm(url, fields) {
  const body = new URLSearchParams(fields);
  body.delete("csrfmiddlewaretoken"); // the page's own may be of a session that has ended; the header has the present one
  return request("POST", url, { body });
}

function kindOf(status, data) {
  const error = (data && data.error) || null;
  if (status === 401 || (status === 403 && (!error || /csrf/i.test(`${error.code} ${error.message}`)))) return "login";
  return status >= 500 || status === 429 || status === 408 || !data ? "offline" : "refused";
}

function prepared(method, body) {
  const out = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (method === "GET") return out;
  out.headers["X-CSRFToken"] = csrfToken();
  if (!(body instanceof URLSearchParams)) out.headers["Content-Type"] = "application/json";
  out.body = body instanceof URLSearchParams ? body : JSON.stringify(body);
  return out;
}

/** The answer's JSON (null for 204), or with `stream` the Response itself, unread. */
async function request(method, url, { body, deadline = DEADLINE, signal, stream = false } = {}) {
  const how = prepared(method, body);
  const control = new AbortController();
  const timer = stream ? 0 : setTimeout(() => control.abort(), deadline);
  let response = null;
  let data = null;
  try {
    response = await fetch(url, { ...how, signal: signal || control.signal });
    if (stream && response.ok) return response;
    if (response.status !== 204) data = await response.json();
  } catch (error) {
    if (!response || response.ok) throw new HttpError("offline", response ? response.status : 0);
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return data;
  throw new HttpError(kindOf(response.status, data), response.status, data);
}

export class Http {
  /** `base` ends with a slash. `signIn(gently)` resolves to true once the person may go on: a call that found them signed out is then sent once
   *  more. Options of calls: `quiet` (an ended session is no reason to ask), `gently` (nobody asked for this call: a page may put its question
   *  off while somebody types), `deadline` in ms. */
  constructor(base, signIn) {
    this.base = base;
    this.signIn = signIn;
    this.asked = null;
  }

  get(path, options) {
    return this.call("GET", path, options);
  }

  post(path, body = {}, options = {}) {
    return this.call("POST", path, { ...options, body });
  }

  async call(method, path, { quiet = false, gently = false, ...how } = {}) {
    try {
      return await request(method, this.base + path, how);
    } catch (error) {
      if (error.kind !== "login" || quiet || !(await this.login(gently))) throw error;
      return this.call(method, path, { ...how, quiet: true });
    }
  }

  /** One dialog for all the calls that found themselves signed out. */
  login(gently = false) {
    this.asked ||= this.signIn(gently).finally(() => (this.asked = null));
    return this.asked;
  }

  /** Post, and hand each line of the answer to `onLine`; `heard` is called whenever anything arrives. Ends when the answer ends. */
  async stream(path, body, { onLine, heard, signal }) {
    const response = await this.call("POST", path, { body, signal, stream: true });
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw new HttpError("offline");
      });
      if (done) return;
      heard();
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) onLine(lineOf(line));
    }
  }

  /** Post without waiting or asking: what must disturb nobody, and outlives the page. What is too long for that stays in the store. */
  parting(path, body = {}) {
    const how = prepared("POST", body);
    if (how.body.length <= PARTING) fetch(this.base + path, { ...how, keepalive: true }).catch(() => {});
  }
}

function lineOf(line) {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new HttpError("offline"); // something between us and the server wrote into the answer
  }
}
