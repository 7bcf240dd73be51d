/** The strip beside the map: regions that the planar map cannot show are listed, never dropped. */

import type { Region } from '../state/types';

export interface StripGroup {
  id: string;
  title: string;
  regions: Region[];
}

/** Unmapped sites by the territory they belong to, in the order of their titles. */
export function stripLayout(sites: readonly Region[], titleOf: (id: string) => string): StripGroup[] {
  const groups = new Map<string, StripGroup>();
  for (const site of sites) {
    if (site.mapped) continue;
    const id = territory(site);
    let group = groups.get(id);
    if (!group) {
      group = { id, title: titleOf(id), regions: [] };
      groups.set(id, group);
    }
    group.regions.push(site);
  }
  const out = [...groups.values()].sort((a, b) => a.title.localeCompare(b.title));
  for (const group of out) group.regions.sort((a, b) => a.code.localeCompare(b.code));
  return out;
}

/** The state-like part of a parent id: `US-72` of `US-72031`. */
export function territory(site: Region): string {
  const match = /^([A-Z]{2}-\d{2})\d{3}$/.exec(site.parent ?? '');
  return match ? match[1] : (site.parent ?? site.id);
}
