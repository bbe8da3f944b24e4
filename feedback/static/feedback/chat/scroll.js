// The talk follows its end only while the reader is there; who reads further up is left in peace.

const NEAR = 48; // px from the end that still count as being there
const PRESSED = ".reasons, .draft .actions";
const STUCK = ".draft-verdict"; // stays over the end of what is seen (chat.css)
const UNFOLDING = 600; // ms after a press within which the page grows because of it
const GAP = 8; // px over what stays in view

export class Follow {
  constructor(scroller, button) {
    this.scroller = scroller;
    this.button = button;
    this.at = true;
    this.last = 0;
    this.top = null;
    scroller.addEventListener(
      "scroll",
      () => {
        const { scrollTop, scrollHeight, clientHeight } = scroller;
        const near = scrollHeight - scrollTop - clientHeight < NEAR;
        // Growing text is no leaving: only a person scrolls up.
        if (near) this.at = true;
        else if (scrollTop < this.last - 1) this.at = false;
        this.last = scrollTop;
        this.offer(!this.at && !near);
      },
      { passive: true },
    );
    button.addEventListener("click", () => {
      this.top = null;
      this.toEnd();
    });
    new ResizeObserver(() => this.keep()).observe(scroller);
    // Rows and rendered text come after the last word; what a person unfolded is no reason to leave their place.
    let touched = -UNFOLDING;
    for (const name of ["click", "input", "keydown"]) scroller.addEventListener(name, () => { touched = performance.now(); }, { capture: true });
    const grown = new ResizeObserver(() => performance.now() - touched > UNFOLDING && this.keep());
    for (const node of scroller.children) grown.observe(node);
  }

  /** Follow no further than the beginning of `node` (drafts are read side by side from their top) while it is on the page. */
  upTo(node) {
    this.top = node;
  }

  toEnd() {
    const { scroller, top } = this;
    this.at = true;
    const end = scroller.scrollHeight - scroller.clientHeight;
    const most = top && top.isConnected ? Math.max(0, top.offsetTop - GAP) : end;
    scroller.scrollTop = Math.min(end, most);
    this.last = scroller.scrollTop;
    this.offer(end > most);
  }

  /** The way to the end, unless it would lie over what is there to be pressed. */
  offer(far) {
    const stuck = this.scroller.querySelector(STUCK);
    const over = stuck ? stuck.offsetHeight : 0;
    this.button.style.setProperty("--over", `${over}px`);
    const bottom = this.scroller.getBoundingClientRect().bottom - over;
    const under = (box) => box.height > 0 && box.bottom > bottom - NEAR && box.top < bottom;
    this.button.hidden = !far || [...this.scroller.querySelectorAll(PRESSED)].some((node) => under(node.getBoundingClientRect()));
  }

  /** After the page has grown. */
  keep() {
    if (this.at) this.toEnd();
    else this.offer(true);
  }

  /** A person unfolded something where they are: it grows downwards, and what they pressed stays under the pointer. */
  hold() {
    this.at = false;
  }

  /** Something unfolded: bring it into view, no further than needed. */
  reveal(node) {
    node.scrollIntoView({ block: "nearest" });
  }
}
