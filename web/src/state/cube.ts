/** The level cube: one byte for each domain, step and region, so that moving through time asks for nothing. */

import type { CubeBody } from './types';

export const NORMAL = 0;
/** Watched, but the inputs are missing: never shown as calm. */
export const UNKNOWN = 254;
/** Nothing watches this region. */
export const UNCOVERED = 255;

export interface Cube {
  /** First instant, milliseconds. */
  start: number;
  /** Length of a step, milliseconds. */
  step: number;
  steps: number;
  regions: string[];
  domains: string[];
  /** `levels[(domain * steps + step) * regions.length + region]`. */
  levels: Uint8Array;
}

/** Whether a byte stands for a level from 1 to 4. */
export function isLevel(byte: number): boolean {
  return byte >= 1 && byte <= 4;
}

/** Decode the body of `picture/cube`; a size that does not fit is an error, not a shifted picture. */
export function decodeCube(body: CubeBody): Cube {
  const text = atob(body.levels);
  const expected = body.domains.length * body.steps * body.regions.length;
  if (text.length !== expected) {
    throw new RangeError(
      `cube: got ${text.length} bytes, allowed: ${body.domains.length} domains × ${body.steps} steps × ${body.regions.length} regions = ${expected}`,
    );
  }
  const levels = new Uint8Array(expected);
  for (let i = 0; i < expected; i++) {
    const byte = text.charCodeAt(i);
    if (byte > 4 && byte !== UNKNOWN && byte !== UNCOVERED) {
      throw new RangeError(`cube: got level byte ${byte} at ${i}, allowed: 0 to 4, 254, 255`);
    }
    levels[i] = byte;
  }
  const start = Date.parse(body.start);
  if (!Number.isFinite(start) || !(body.step_s > 0)) {
    throw new RangeError(`cube: got start ${body.start} and step ${body.step_s}, allowed: an instant and a length`);
  }
  return { start, step: body.step_s * 1000, steps: body.steps, regions: body.regions, domains: body.domains, levels };
}

/** The worse of two bytes: a level beats unknown, unknown beats normal, anything beats uncovered. */
export function worse(a: number, b: number): number {
  const la = isLevel(a);
  const lb = isLevel(b);
  if (la && lb) return a > b ? a : b;
  if (la) return a;
  if (lb) return b;
  if (a === UNKNOWN || b === UNKNOWN) return UNKNOWN;
  if (a === NORMAL || b === NORMAL) return NORMAL;
  return UNCOVERED;
}

/** Index of the step that holds at `instant`, or −1 outside the cube. */
export function stepAt(cube: Cube, instant: number): number {
  const step = Math.floor((instant - cube.start) / cube.step);
  return step >= 0 && step < cube.steps ? step : -1;
}

/** Level bytes of all regions at one step, of one domain or the worst of all. */
export function levelsAt(cube: Cube, step: number, domain: string | null): Uint8Array {
  const n = cube.regions.length;
  if (step < 0 || step >= cube.steps) throw new RangeError(`step: got ${step}, allowed: 0 to ${cube.steps - 1}`);
  const plane = (d: number) => cube.levels.subarray((d * cube.steps + step) * n, (d * cube.steps + step + 1) * n);
  if (domain !== null) {
    const d = cube.domains.indexOf(domain);
    return d < 0 ? new Uint8Array(n).fill(UNCOVERED) : plane(d).slice();
  }
  const out = new Uint8Array(n).fill(UNCOVERED);
  for (let d = 0; d < cube.domains.length; d++) {
    const bytes = plane(d);
    for (let r = 0; r < n; r++) out[r] = worse(out[r], bytes[r]);
  }
  return out;
}

/** Level bytes of one region at one step, by domain. */
export function domainsOf(cube: Cube, step: number, region: string): Map<string, number> {
  const r = cube.regions.indexOf(region);
  const n = cube.regions.length;
  return new Map(
    cube.domains.map((d, i) => [d, r < 0 ? UNCOVERED : cube.levels[(i * cube.steps + step) * n + r]]),
  );
}

/** The worst byte of one domain among the regions that `inside` accepts. */
export function worstWithin(cube: Cube, step: number, domain: string, inside: (region: string) => boolean): number {
  const d = cube.domains.indexOf(domain);
  if (d < 0) return UNCOVERED;
  const n = cube.regions.length;
  const base = (d * cube.steps + step) * n;
  let worst = UNCOVERED;
  for (let r = 0; r < n; r++) if (inside(cube.regions[r])) worst = worse(worst, cube.levels[base + r]);
  return worst;
}

/** The nearest step before or after `step` at which some region's level differs from the step before it; −1 if none. */
export function changeFrom(cube: Cube, step: number, direction: 1 | -1, domain: string | null): number {
  const n = cube.regions.length;
  const picks = domain === null ? cube.domains.map((_, i) => i) : [cube.domains.indexOf(domain)].filter((i) => i >= 0);
  const differs = (s: number) =>
    picks.some((d) => {
      const now = (d * cube.steps + s) * n;
      const before = now - n;
      for (let r = 0; r < n; r++) {
        const a = cube.levels[now + r];
        const b = cube.levels[before + r];
        if (a !== b && (isLevel(a) || isLevel(b))) return true;
      }
      return false;
    });
  // Step 0 has nothing before it inside this cube, so it cannot be called a change.
  for (let s = step + direction; s >= 1 && s < cube.steps; s += direction) if (differs(s)) return s;
  return -1;
}
