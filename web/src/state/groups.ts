/** The page of groups: hundreds of warnings as a few lines that open; plain functions, and nothing is lost. */

import type { Alert, Group } from './types';

export interface Bundle extends Omit<Group, 'members' | 'count'> {
  members: Alert[];
}

/**
 * Groups with those of their members that are shown. A warning that no group names – it came between two readings –
 * stands for itself: the members always add up to what is shown.
 */
export function gather(groups: readonly Group[], shown: readonly Alert[]): Bundle[] {
  const left = new Map(shown.map((a) => [a.id, a]));
  const found: Bundle[] = [];
  for (const group of groups) {
    const members: Alert[] = [];
    for (const id of group.members) {
      const alert = left.get(id);
      if (!alert) continue;
      left.delete(id);
      members.push(alert);
    }
    if (members.length) found.push({ ...group, level: Math.max(...members.map((a) => a.level)), members });
  }
  for (const a of left.values()) {
    found.push({
      key: `alone ${a.id}`, by: 'rest', status: a.status, hazards: [a.event], level: a.level, waiting: a.sent === null ? 1 : 0,
      places: a.members.length, titles: a.title_regions.slice(0, 5), onset: a.onset, expires: a.expires, members: [a],
    });
  }
  return found.sort((a, b) => b.level - a.level || b.members.length - a.members.length || (a.onset < b.onset ? -1 : a.onset > b.onset ? 1 : 0));
}

/** While somebody points at the list nothing may jump: groups keep their place, new ones come last. */
export function holdGroups(before: readonly Bundle[], next: readonly Bundle[]): Bundle[] {
  const place = new Map(before.map((g, i) => [g.key, i]));
  const at = (g: Bundle) => place.get(g.key) ?? Number.MAX_SAFE_INTEGER;
  return [...next].sort((a, b) => at(a) - at(b));
}

export type BundleRow =
  | { kind: 'bundle'; group: Bundle; open: boolean; place: number; of: number }
  | { kind: 'member'; item: Alert; place: number; of: number; inside: boolean };

/** Rows of the list: a group of one is its warning; others open to their members. */
export function bundleRows(groups: readonly Bundle[], isOpened: (key: string) => boolean): BundleRow[] {
  const rows: BundleRow[] = [];
  groups.forEach((group, i) => {
    if (group.members.length === 1) {
      rows.push({ kind: 'member', item: group.members[0], place: i + 1, of: groups.length, inside: false });
      return;
    }
    const open = isOpened(group.key);
    rows.push({ kind: 'bundle', group, open, place: i + 1, of: groups.length });
    if (open) group.members.forEach((item, k) => rows.push({ kind: 'member', item, place: k + 1, of: group.members.length, inside: true }));
  });
  return rows;
}
