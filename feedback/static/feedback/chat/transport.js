// Talking to the server: JSON and streams of lines, the CSRF token read anew each time, an expired login asked for in place.

import { csrfToken } from "../../core/frame.js";

/** kind: "offline" (no answer, or a server that is down), "login" (nobody is signed in), "refused" (an answer with code and sentence). */
export class WireError extends Error {
  constructor(kind, status = 0, data = null) {
    const error = (data && data.error) || {};
    super(error.message || kind);
    this.kind = kind;
    this.status = status;
    this.code = error.code || "";
  }
}

export class Wire {
  /** `signIn()` resolves to true once the person may go on; `base` ends with a slash. */
  constructor(base, signIn) {
    this.base = base;
    this.signIn = signIn;
    this.asked = null;
  }

  /** `quiet`: nobody asked for this, so an expired login is no reason for a dialog. */
  get(path, { quiet = false } = {}) {
    return this.json("GET", path, undefined, quiet);
  }

  post(path, body = {}) {
    return this.json("POST", path, body);
  }

  async json(method, path, body, quiet = false) {
    const response = await this.open(method, path, body, { quiet });
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch (error) {
      throw new WireError("offline");
    }
  }

  /** Post without waiting or asking: what must not disturb anybody, and outlives the page. */
  quietly(path, body = {}) {
    fetch(this.base + path, { ...this.request("POST", body), keepalive: true }).catch(() => {});
  }

  /** Post, and hand each line of the answer to `onLine`; `heard` is called whenever anything arrives. Ends when the answer ends. */
  async stream(path, body, { onLine, heard, signal }) {
    const response = await this.open("POST", path, body, { signal });
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw new WireError("offline");
      });
      if (done) return;
      heard();
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) onLine(parsed(line));
    }
  }

  async open(method, path, body, { signal, quiet = false } = {}) {
    let response;
    try {
      response = await fetch(this.base + path, { ...this.request(method, body), signal });
    } catch (error) {
      throw new WireError("offline");
    }
    if (response.ok) return response;
    const data = await response.json().catch(() => null);
    const csrf = response.status === 403 && (!data || !data.error || /csrf/i.test(`${data.error.code} ${data.error.message}`));
    if (response.status === 401 || csrf) {
      if (!quiet && (await this.login())) return this.open(method, path, body, { signal, quiet: true });
      throw new WireError("login", response.status, data);
    }
    throw new WireError(data && data.error && data.error.message ? "refused" : "offline", response.status, data);
  }

  /** One dialog for all the calls that found themselves signed out. */
  login() {
    this.asked ||= this.signIn().finally(() => (this.asked = null));
    return this.asked;
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

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new WireError("offline"); // something between us and the server wrote into the answer
  }
}
