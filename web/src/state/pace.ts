/** Pacing: many causes, few refreshes. */

export interface Timers {
  set(act: () => void, ms: number): number;
  clear(id: number): void;
  now(): number;
}

const REAL: Timers = {
  set: (act, ms) => window.setTimeout(act, ms),
  clear: (id) => window.clearTimeout(id),
  now: () => performance.now(),
};

/** Run `act` at most once in `every` milliseconds, the first time after `wait`; the last call is never lost. */
export function pace(act: () => void, wait: number, every: number, timers: Timers = REAL): { call(): void; stop(): void } {
  let timer: number | null = null;
  let last = -Infinity;
  let first = 0;
  const fire = () => {
    timer = null;
    last = timers.now();
    act();
  };
  return {
    call() {
      const now = timers.now();
      if (timer === null) first = now;
      else timers.clear(timer);
      // Waiting for quiet must not starve: a play that never pauses still refreshes every `every`.
      const due = Math.max(Math.min(now + wait, first + every), last + every);
      timer = timers.set(fire, Math.max(0, due - now));
    },
    stop() {
      if (timer !== null) timers.clear(timer);
      timer = null;
    },
  };
}
