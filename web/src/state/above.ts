/** Regions above normal in a picture: exactly what the map draws, and the strip beside it. */

import { type Cube, isLevel } from './cube';
import type { Region } from './types';

export interface AboveRow {
  region: string;
  domain: string;
  level: number;
}

/** Rows of one step, gravest first, of one domain or of all. */
export function aboveNormal(cube: Cube, step: number, domain: string | null, regions: ReadonlyMap<string, Region>): AboveRow[] {
  const n = cube.regions.length;
  const rows: AboveRow[] = [];
  cube.domains.forEach((name, d) => {
    if (domain !== null && name !== domain) return;
    for (let r = 0; r < n; r++) {
      const level = cube.levels[(d * cube.steps + step) * n + r];
      if (isLevel(level)) rows.push({ region: cube.regions[r], domain: name, level });
    }
  });
  return withoutEchoes(rows, regions).sort((a, b) => b.level - a.level || a.region.localeCompare(b.region));
}

/** A county shows what its sites do; counting both would count one thing twice. */
function withoutEchoes(rows: AboveRow[], regions: ReadonlyMap<string, Region>): AboveRow[] {
  const worst = new Map<string, number>();
  for (const row of rows) {
    const parent = regions.get(row.region)?.level === 'site' ? regions.get(row.region)?.parent : null;
    if (parent) worst.set(`${parent} ${row.domain}`, Math.max(row.level, worst.get(`${parent} ${row.domain}`) ?? 0));
  }
  return rows.filter((row) => (worst.get(`${row.region} ${row.domain}`) ?? 0) < row.level);
}
