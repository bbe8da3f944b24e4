// The middle of the top bar gives up what matters least until the rest has room, whatever the window's width, the text size, the language and what
// the corner has to say.

const STEPS = ["", "tight", "tightest"];

export function keepRoom(bar) {
  let frame = 0;
  const fit = () => {
    for (const step of STEPS) {
      bar.dataset.room = step;
      if (bar.scrollWidth <= bar.clientWidth) return;
    }
  };
  const watch = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(fit);
  });
  for (const node of [bar, ...bar.children]) watch.observe(node);
}
