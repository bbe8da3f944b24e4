// Touchstone's widget: thumbs, reasons, comment and correction under any answer on any site. See docs/widget.md.
// <script src="https://touchstone.example/widget.js" data-token-url="/touchstone-token" defer></script>   <div data-touchstone-message="ID">…</div>
(() => {
  const script = document.currentScript;
  const api = new URL("api/v1/widget/", script.src.replace(/[^/]*$/, "")).href;
  const given = script.dataset;
  // What the page has put there already (a refresh of its own, say) stays.
  const touchstone = window.touchstone = Object.assign({ token: given.token || "", language: given.language }, window.touchstone, { attach });
  const attached = new WeakSet();
  const RETRY_MS = 3000;
  let setup = null;
  let renewing = null;

  const css = `
:host { all: initial; display: block; font: inherit; color: inherit; color-scheme: inherit }
* { box-sizing: border-box }
[hidden] { display: none !important }
.row { display: flex; flex-wrap: wrap; gap: 6px; align-items: center }
button, textarea { font: inherit; color: inherit; background: none; border: 1px solid transparent; border-radius: 6px }
button { min-width: 32px; min-height: 32px; padding: 3px 8px; cursor: pointer; opacity: .75 }
button:hover, button[aria-pressed=true], .plain { opacity: 1 }
:disabled { opacity: .4 }
.chip, .plain, textarea { border-color: currentColor }
button[aria-pressed=true] svg { fill: currentColor }
.chip { border-radius: 16px }
.chip[aria-pressed=true] { box-shadow: inset 0 0 0 1px currentColor; font-weight: 600 }
:focus-visible { outline: 2px solid currentColor; outline-offset: 2px }
svg { display: block; width: 18px; height: 18px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round }
.down svg { transform: rotate(180deg) }
.panel { max-width: 36em; margin: 6px 0; display: grid; gap: 8px }
label { display: grid; gap: 2px }
textarea { width: 100%; padding: 6px; resize: vertical }
.said { font-size: .9em }`;

  const make = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick") made.onclick = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };

  const thumb = () => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS(svg.namespaceURI, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", "M7 10v10H3V10zM7 11l4-8c1.7 0 2.6 1.2 2.3 2.8L12.7 9H19a2 2 0 0 1 2 2.4l-1.4 7a2 2 0 0 1-2 1.6H7");
    svg.append(path);
    return svg;
  };

  // Words follow the script's data-language, then the page's lang, then the browser.
  const language = () => touchstone.language || document.documentElement.lang || navigator.language || "en";

  // What can be sent as a header; a placeholder left in the page cannot.
  const usable = () => /^[!-~]+$/.test(touchstone.token);

  // The site's own way to a new token: touchstone.refresh, or a GET of data-token-url that answers {"token"}.
  function renew() {
    const url = given.tokenUrl;
    const fetched = () => fetch(url).then((answer) => {
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
      return answer.json();
    }).then((answer) => answer.token);
    const ask = touchstone.refresh || (url && fetched) || (() => "");
    renewing = renewing || Promise.resolve().then(ask).then((token) => {
      touchstone.token = token || "";
      if (!usable()) throw new Error("none came from data-token, data-token-url or touchstone.refresh");
    }).catch((error) => { throw new Error("no token: " + error.message); }).finally(() => { renewing = null; });
    return renewing;
  }

  const online = () => new Promise((done) => {
    if (navigator.onLine) setTimeout(done, RETRY_MS);
    else addEventListener("online", done, { once: true });
  });

  // One request; once more with a new token when this one is over, once more when the network was away.
  async function ask(path, body, waiting, again = { token: true, network: true }) {
    if (!usable()) await renew();
    const slug = touchstone.token.split(".")[0];
    const headers = { Authorization: "Bearer " + touchstone.token };
    if (body) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(`${api}${path}${path.includes("?") ? "&" : "?"}project=${encodeURIComponent(slug)}`, {
        method: body ? "POST" : "GET", mode: "cors", credentials: "omit", headers, body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (!again.network) throw error;
      if (waiting) waiting();
      await online();
      return ask(path, body, waiting, { ...again, network: false });
    }
    if (answer.status === 401 && again.token) {
      await renew();
      return ask(path, body, waiting, { ...again, token: false });
    }
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  const settings = () => {
    setup = setup || ask("setup/?language=" + encodeURIComponent(language())).catch((error) => { setup = null; throw error; });
    return setup;
  };

  // Put the widget under `element`, for the answer called `id`. Resolves once it is there; without a valid token nothing is shown.
  async function attach(element, id) {
    if (attached.has(element)) return;
    attached.add(element);
    let known;
    try {
      known = await settings();
    } catch (error) {
      attached.delete(element);
      const here = location.origin;
      const why = {
        401: "the token is not valid, or has ended",
        403: "the token was made for another site than " + here,
      }[error.message] || (error instanceof TypeError ? `no answer from ${api}; is ${here} listed in the project's chat settings?` : error.message);
      console.warn(`touchstone: not set up (${why})`);
      return;
    }
    build(element, id, known);
  }

  function build(element, id, known) {
    const words = known.words;
    const host = make("div", { lang: language() });
    const root = host.attachShadow({ mode: "open" });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      root.adoptedStyleSheets = [sheet];
    } catch (error) { /* an old Safari: it works, in the browser's own dress */ }

    let value = 0;
    let order = Promise.resolve();
    const said = make("span", { class: "said", role: "status" });
    const panel = make("div", { class: "panel", role: "group", hidden: "" });
    const buttons = {};

    const send = (body, then) => {
      // One after the other: the last word counts.
      order = order.then(() => ask("feedback/", { target: id, ...body }, () => { said.textContent = words.offline; }))
        .then(then, (error) => {
          const never = { 403: words.not_allowed, 404: words.not_yours }[error.message];
          said.textContent = never || words.failed;
          if (never) {
            panel.hidden = true;
            for (const name in buttons) buttons[name].disabled = true;
          }
          throw error;
        });
      const done = order;
      order = done.catch(() => {});
      return done;
    };

    const show = () => {
      for (const [name, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(value === (name === "up" ? 1 : -1)));
    };

    const close = (focus) => {
      panel.hidden = true;
      if (focus) (value < 0 ? buttons.down : buttons.up).focus();
    };

    const press = (name) => {
      const before = value;
      const chosen = name === "up" ? 1 : -1;
      value = value === chosen ? 0 : chosen;
      show();
      close();
      const now = value;
      send({ kind: "thumb", value }, () => {
        said.textContent = now ? words.thanks : words.taken_back;
        if (now && now === value) open(name);
      }).catch(() => { value = before; show(); });
    };

    const open = (name) => {
      const chips = known[name].map((reason) => {
        const chip = make("button", { type: "button", class: "chip", "aria-pressed": "false" }, reason.label);
        chip.key = reason.key;
        chip.onclick = () => chip.setAttribute("aria-pressed", String(chip.on = !chip.on));
        return chip;
      });
      const comment = make("textarea", { rows: "2", maxlength: "20000" });
      const correction = make("textarea", { rows: "3", maxlength: "200000" });
      const submit = async () => {
        const picked = chips.filter((chip) => chip.on).map((chip) => chip.key);
        const text = comment.value;
        try {
          if (picked.length || text) await send({ kind: "thumb", value, reasons: picked, text });
          if (name === "down" && correction.value) await send({ kind: "correction", text: correction.value });
          said.textContent = words.thanks;
          close(true);
        } catch (error) { /* said already; what was typed stays */ }
      };
      panel.setAttribute("aria-label", words.why);
      panel.replaceChildren(
        ...(chips.length ? [make("div", {}, words.why), make("div", { class: "row" }, ...chips)] : []),
        make("label", {}, words.comment, comment),
        ...(name === "down" ? [make("label", {}, words.correction, correction)] : []),
        make("div", { class: "row" },
          make("button", { type: "button", class: "plain", onclick: submit }, words.send),
          make("button", { type: "button", onclick: () => close(true) }, words.close)),
      );
      panel.hidden = false;
    };

    for (const name of ["up", "down"]) {
      buttons[name] = make("button", { type: "button", class: name, "aria-pressed": "false", "aria-label": words[name], title: words[name],
        onclick: () => press(name) }, thumb());
    }
    root.append(make("div", { role: "group", "aria-label": words.group },
      make("div", { class: "row" }, buttons.up, buttons.down, said), panel));
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && event.keyCode !== 229 && !panel.hidden) {
        event.stopPropagation();
        close(true);
      }
    });
    element.after(host);
  }

  const find = (node) => {
    if (node.nodeType !== 1) return;
    for (const found of [node, ...node.querySelectorAll("[data-touchstone-message]")]) {
      const id = found.dataset?.touchstoneMessage;
      if (id) attach(found, id);
    }
  };
  const begin = () => {
    find(document.documentElement);
    new MutationObserver((changes) => {
      for (const change of changes) {
        if (change.type === "attributes") find(change.target);
        else change.addedNodes.forEach(find);
      }
    }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-touchstone-message"] });
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
