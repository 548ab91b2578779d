// The page's one audio context, shared by recorder and player: phones give a page only one well, and echo
// cancellation works best when sound goes in and out through the same one.

let shared = null;

/** The context, made on first use; null where the browser has no Web Audio. */
export function audioContext() {
  const Context = window.AudioContext || window.webkitAudioContext;
  if (shared === null && Context) shared = new Context();
  return shared;
}

/** Asks the browser to let sound run; true when it does within `wait_ms`. */
export async function letSoundRun(wait_ms = 300) {
  const context = audioContext();
  if (context === null) return false;
  if (context.state === "running") return true;
  // Browsers that want a gesture first leave this promise open instead of refusing it, hence the race.
  const resumed = context.resume().catch(() => {});
  await Promise.race([resumed, new Promise((done) => setTimeout(done, wait_ms))]);
  return context.state === "running";
}

/** Browsers start sound only in a gesture: every gesture tries, because phones also take it away again. */
export function unlockOnGesture(target, unlocked) {
  const unlock = () => {
    const context = audioContext();
    if (context !== null && context.state !== "running") {
      context.resume().then(unlocked, () => {});
    }
  };
  for (const gesture of ["pointerdown", "pointerup", "touchend", "keydown", "click"]) {
    target.addEventListener(gesture, unlock, { capture: true, passive: true });
  }
}
