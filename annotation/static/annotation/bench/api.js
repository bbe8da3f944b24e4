// Talking to the server: JSON, CSRF token read anew each time, an expired login asked for in place and the call then sent once more.

import { csrfToken } from "../../core/frame.js";

/** kind: "offline" (no answer, or a server that is down), "login" (nobody is signed in), "refused" (a 4xx with code and message). */
export class ApiError extends Error {
  constructor(kind, status = 0, data = {}) {
    const error = (data && data.error) || {};
    super(error.message || kind);
    this.kind = kind;
    this.status = status;
    this.code = error.code || "";
    this.field = error.field || "";
    this.data = data || {};
  }
}

/** A key that makes a repeated submit harmless. (crypto.randomUUID does not exist over plain HTTP.) */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Api {
  /** `signIn(gently)` resolves to true once the person has signed in again; `base` ends with a slash. A call made `gently` is one that nobody
   *  asked for (a draft, a sign of life): a page may put its question off while somebody types. */
  constructor(base, signIn) {
    this.base = base;
    this.signIn = signIn;
    this.asked = null;
  }

  get(path) {
    return this.call("GET", path);
  }

  post(path, body = {}, options = {}) {
    return this.call("POST", path, body, options);
  }

  async call(method, path, body, { quiet = false, gently = false, again = false } = {}) {
    let response;
    let data = null;
    try {
      response = await fetch(this.base + path, this.request(method, body));
      if (response.status !== 204) data = await response.json().catch(() => null);
    } catch (error) {
      throw new ApiError("offline");
    }
    if (response.ok) return data;
    const csrf = response.status === 403 && (!data || !data.error || /csrf/i.test(data.error.message || ""));
    if (response.status === 401 || csrf) {
      if (!again && !quiet && (await this.login(gently))) return this.call(method, path, body, { again: true });
      throw new ApiError("login", response.status, data);
    }
    if (response.status >= 500 || response.status === 429 || response.status === 408 || !data) throw new ApiError("offline", response.status, data);
    throw new ApiError("refused", response.status, data);
  }

  /** One dialog for all the calls that found themselves signed out. */
  login(gently = false) {
    this.asked ||= this.signIn(gently).finally(() => (this.asked = null));
    return this.asked;
  }

  /** Send while the page is going away; nobody waits for the answer. Bodies over 60 kB are refused by browsers: those stay in the store. */
  parting(path, body = {}) {
    const request = this.request("POST", body);
    if (request.body.length > 20000) return;
    fetch(this.base + path, { ...request, keepalive: true }).catch(() => {});
  }

  request(method, body) {
    const request = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
    if (method !== "GET") {
      request.headers["Content-Type"] = "application/json";
      request.headers["X-CSRFToken"] = csrfToken();
      request.body = JSON.stringify(body);
    }
    return request;
  }
}
