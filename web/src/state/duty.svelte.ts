/** What only staff reads beside the picture: the page of groups, what is held back and why, caps and silences. */

import { type Query, isAbort, read, readAll, write } from './api';
import type { Call, Cap, Group, Health, Held, Page, Review, Silence } from './types';
import { words } from './words';

/** Messages that nobody took, and approvals that one officer gave alone. */
export interface Alarm {
  givenUp: number;
  /** They could be sent, and nothing carries them. */
  overdue: number;
  reviews: Review[];
}

/** Everything that belongs to one instant; parts that could not be read are null. */
interface View {
  groups: Group[] | null;
  held: Held[] | null;
  caps: Cap[];
  silences: Silence[];
  /** What asks for somebody at once; null in a replay, which shows no outbox. */
  alarm: Alarm | null;
  problem: string;
}

/** What a silence is asked for: what it is about, up to which level, for how long, and why. */
export interface Wish {
  reason: string;
  domains: string[];
  hazards: string[];
  regions: string[];
  max_level: number;
  hours: number;
}

const NOTHING: View = { groups: null, held: null, caps: [], silences: [], alarm: null, problem: '' };

export class Duty {
  #view = $state.raw<View>(NOTHING);
  /** Whether what is over is shown too. */
  past = $state(false);
  /** Calls that nobody here has answered, the newest first. */
  calls = $state.raw<Call[]>([]);
  /** Groups that were opened or closed by hand. */
  opened = $state<Record<string, boolean>>({});

  groups = $derived(this.#view.groups);
  held = $derived(this.#view.held);
  caps = $derived(this.#view.caps);
  silences = $derived(this.#view.silences);
  alarm = $derived(this.#view.alarm);
  /** Why a part is missing, in words. */
  problem = $derived(this.#view.problem);

  /** Read what is known at an instant. A part that fails is missing and said to be; it takes no other with it. */
  async read(query: Query, signal: AbortSignal): Promise<() => void> {
    const [groups, held, silences, alarm] = await Promise.allSettled([
      readAll<Group>('groups', query, signal),
      this.#readHeld(query, signal),
      readAll<Silence>('silences', query, signal),
      query.asof === undefined ? this.#readAlarm(signal) : null,
    ]);
    const failed = [groups, held, silences, alarm].find((p) => p.status === 'rejected');
    if (failed && isAbort(failed.reason)) throw failed.reason;
    const view: View = {
      groups: groups.status === 'fulfilled' ? groups.value : null,
      held: held.status === 'fulfilled' ? held.value.items : null,
      caps: held.status === 'fulfilled' ? held.value.caps : [],
      silences: silences.status === 'fulfilled' ? silences.value : [],
      alarm: alarm.status === 'fulfilled' ? alarm.value : null,
      problem: failed ? words(failed.reason) : '',
    };
    // Shown together with the picture of the same instant, not before it.
    return () => (this.#view = view);
  }

  async #readHeld(query: Query, signal: AbortSignal): Promise<{ items: Held[]; caps: Cap[] }> {
    const asked = { ...query, active: this.past ? 'false' : undefined };
    const first = await read<Page<Held> & { caps: Cap[] }>('suppressed', asked, signal);
    const rest = first.next ? await readAll<Held>('suppressed', { ...asked, cursor: first.next }, signal) : [];
    return { items: [...first.items, ...rest], caps: first.caps };
  }

  async #readAlarm(signal: AbortSignal): Promise<Alarm> {
    const [health, reviews] = await Promise.all([
      read<Health>('health', {}, signal),
      readAll<Review>('reviews', { due: 'true' }, signal),
    ]);
    return { givenUp: health.delivery?.given_up ?? 0, overdue: health.delivery?.overdue ?? 0, reviews };
  }

  /** The desk is called; a newer call about the same replaces the older one. */
  call(data: string): Call {
    const call = JSON.parse(data) as Call;
    this.calls = [call, ...this.calls.filter((c) => c.id !== call.id)];
    return call;
  }

  heard(id: string): void {
    this.calls = this.calls.filter((c) => c.id !== id);
  }

  /** Who logs out takes it along. */
  forget(): void {
    this.calls = [];
    this.#view = NOTHING;
  }

  async shelve(wish: Wish, csrf: string): Promise<void> {
    await write('POST', 'silences', wish, { 'X-CSRF-Token': csrf });
  }

  async endSilence(id: string, reason: string, csrf: string): Promise<void> {
    await write('POST', `silences/${encodeURIComponent(id)}/end`, { reason }, { 'X-CSRF-Token': csrf });
  }
}
