/** Stretches of time that one can move through, and the pieces of the level cube that cover them. */

import { type Cube, changeFrom, stepAt } from './cube';

export interface Track {
  kind: 'replay' | 'live';
  /** First and last instant that can be shown, milliseconds. */
  start: number;
  end: number;
  step: number;
}

/** Steps in one piece: a week of hours of a country is about 17 kB on the wire. */
export const CHUNK_STEPS = 168;

/** Number of steps of a track. */
export function stepsOf(track: Track): number {
  return Math.floor((track.end - track.start) / track.step) + 1;
}

/** The instant of a step, kept inside the track. */
export function instantOf(track: Track, step: number): number {
  const last = stepsOf(track) - 1;
  return track.start + Math.min(last, Math.max(0, Math.round(step))) * track.step;
}

/** The step that holds at an instant, kept inside the track. */
export function stepOf(track: Track, instant: number): number {
  const step = Math.floor((instant - track.start) / track.step);
  return Math.min(stepsOf(track) - 1, Math.max(0, step));
}

/** The pages that a long track is shown in, and the one that holds `instant`. */
export function windowOf(track: Track, instant: number, span: number | null): { first: number; last: number } {
  const last = stepsOf(track) - 1;
  if (span === null) return { first: 0, last };
  const size = Math.max(1, Math.round(span / track.step));
  const step = stepOf(track, instant);
  const first = Math.min(Math.floor(step / size) * size, Math.max(0, last - size));
  return { first, last: Math.min(last, first + size) };
}

export type Fetcher = (start: number, end: number) => Promise<Cube>;

/** Keeps the pieces of one track that have been read, oldest use forgotten first. */
export class CubeStore {
  readonly #pieces = new Map<number, Cube>();
  readonly #pending = new Map<number, Promise<Cube>>();

  constructor(
    readonly track: Track,
    readonly fetcher: Fetcher,
    readonly keep = 32,
  ) {}

  #number(instant: number): number {
    return Math.floor(stepOf(this.track, instant) / CHUNK_STEPS);
  }

  /** The piece and step at an instant, if it has been read. */
  at(instant: number): { cube: Cube; step: number } | null {
    const cube = this.#pieces.get(this.#number(instant));
    if (!cube) return null;
    const step = stepAt(cube, instant);
    return step < 0 ? null : { cube, step };
  }

  /** Read the piece that holds an instant, once. */
  load(instant: number): Promise<Cube> {
    const number = this.#number(instant);
    const have = this.#pieces.get(number);
    if (have) {
      this.#pieces.delete(number);
      this.#pieces.set(number, have);
      return Promise.resolve(have);
    }
    const running = this.#pending.get(number);
    if (running) return running;
    const start = this.track.start + number * CHUNK_STEPS * this.track.step;
    const end = Math.min(start + CHUNK_STEPS * this.track.step, this.track.end + this.track.step);
    const promise = this.fetcher(start, end)
      .then((cube) => {
        this.#pieces.set(number, cube);
        const oldest = this.#pieces.keys().next();
        if (this.#pieces.size > this.keep && !oldest.done) this.#pieces.delete(oldest.value);
        return cube;
      })
      .finally(() => this.#pending.delete(number));
    this.#pending.set(number, promise);
    return promise;
  }

  /** The next or previous instant at which some level changes, reading pieces as far as needed. */
  async change(instant: number, direction: 1 | -1, domain: string | null): Promise<number | null> {
    const from = instantOf(this.track, stepOf(this.track, instant));
    const last = stepsOf(this.track) - 1;
    let cube = await this.load(from);
    let step = stepAt(cube, from);
    for (;;) {
      const found = changeFrom(cube, step, direction, domain);
      if (found >= 0) return cube.start + found * cube.step;
      const base = stepOf(this.track, cube.start);
      const next = direction > 0 ? base + cube.steps : base - 1;
      if (next < 0 || next > last) return null;
      const other = await this.load(instantOf(this.track, next));
      // Across the seam the last bytes of one piece meet the first of the next.
      const [left, right] = direction > 0 ? [cube, other] : [other, cube];
      const ahead = direction > 0 ? right.start > from : right.start < from;
      if (ahead && seamDiffers(left, right, domain)) return right.start;
      cube = other;
      step = direction > 0 ? 0 : other.steps;
    }
  }
}

/** Whether the last step of one piece and the first of the next differ in some level. */
export function seamDiffers(left: Cube, right: Cube, domain: string | null): boolean {
  const joined = (cube: Cube, step: number) => {
    const found = new Map<string, number>();
    const n = cube.regions.length;
    cube.domains.forEach((d, i) => {
      if (domain !== null && d !== domain) return;
      for (let r = 0; r < n; r++) {
        const byte = cube.levels[(i * cube.steps + step) * n + r];
        if (byte >= 1 && byte <= 4) found.set(`${d} ${cube.regions[r]}`, byte);
      }
    });
    return found;
  };
  const a = joined(left, left.steps - 1);
  const b = joined(right, 0);
  if (a.size !== b.size) return true;
  for (const [key, byte] of a) if (b.get(key) !== byte) return true;
  return false;
}
