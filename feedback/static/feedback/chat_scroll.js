// The talk follows its end only while the reader is there; who reads further up is left in peace.

const NEAR = 48; // px from the end that still count as being there

export class Follow {
  constructor(scroller, button) {
    this.scroller = scroller;
    this.button = button;
    this.at = true;
    this.last = 0;
    scroller.addEventListener(
      "scroll",
      () => {
        const { scrollTop, scrollHeight, clientHeight } = scroller;
        const near = scrollHeight - scrollTop - clientHeight < NEAR;
        // Growing text is no leaving: only a person scrolls up.
        if (near) this.at = true;
        else if (scrollTop < this.last - 1) this.at = false;
        this.last = scrollTop;
        this.button.hidden = this.at || near;
      },
      { passive: true },
    );
    button.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.keep()).observe(scroller);
  }

  toEnd() {
    this.at = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.last = this.scroller.scrollTop;
    this.button.hidden = true;
  }

  /** After the page has grown. */
  keep() {
    if (this.at) this.toEnd();
    else this.button.hidden = false;
  }

  /** Something unfolded: bring it into view, no further than needed. */
  reveal(node) {
    node.scrollIntoView({ block: "nearest" });
  }
}
