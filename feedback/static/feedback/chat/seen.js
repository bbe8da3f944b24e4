// Which answers were on the person's screen: told to the server now and then, quietly.

const EVERY = 1500; // ms

export class Seen {
  constructor(http) {
    this.http = http;
    this.ids = new Set();
    this.timer = 0;
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting || document.hidden) continue;
        this.observer.unobserve(entry.target);
        this.add(Number(entry.target.dataset.id));
      }
    });
    window.addEventListener("pagehide", () => this.tell());
  }

  /** A finished answer on the page: seen once any of it is on screen. */
  watch(answer) {
    if (answer.message.id && !answer.message.seen) this.observer.observe(answer.node);
  }

  add(id) {
    this.ids.add(id);
    this.timer ||= setTimeout(() => this.tell(), EVERY);
  }

  tell() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.ids.size) this.http.parting("messages/seen/", { ids: [...this.ids] });
    this.ids.clear();
  }
}
