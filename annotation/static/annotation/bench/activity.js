// When somebody is really at work: the page is visible and was touched within the last minute.

const IDLE_AFTER = 60_000;
const TOUCHES = ["keydown", "pointerdown", "pointermove", "wheel", "input", "touchmove"];

/** Calls `second()` once a second of activity, and `back()` at the first touch after a pause. */
export function watchActivity({ second, back }) {
  let last = Date.now();
  const touched = () => {
    const idle = Date.now() - last > IDLE_AFTER;
    last = Date.now();
    if (idle) back();
  };
  for (const name of TOUCHES) document.addEventListener(name, touched, { passive: true, capture: true });
  setInterval(() => {
    if (document.visibilityState === "visible" && Date.now() - last <= IDLE_AFTER) second();
  }, 1000);
}
