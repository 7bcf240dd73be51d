/** The one state of the page: one clock that every panel obeys, and what is known at that instant. */

import { has, t } from '../i18n';
import { type Atlas, decodeTopology, type Topology } from '../map/topology';
import type { ThemeName } from '../map/palette';
import { DAY, HOUR, MINUTE } from '../time/format';
import { type AboveRow, aboveNormal } from './above';
import { isOpen } from './alerts';
import { ApiError, type Query, isAbort, read, readAll, write } from './api';
import { type Cube, decodeCube, levelsAt } from './cube';
import { Duty } from './duty.svelte';
import { formatLink, isoOf, type Link } from './link';
import { pace } from './pace';
import { CubeStore, type Track, instantOf, stepOf } from './tracks';
import type {
  Action, Alert, AlertDetail, Correction, Coverage, CubeBody, Health, Law, Ledger, Picture, Region, Session,
} from './types';
import { words } from './words';

/** How far back LIVE can be moved. */
const LIVE_SPAN = 7 * DAY;
/** Without news the picture is read again after this long. */
const SILENCE = MINUTE;

export interface Frame {
  cube: Cube;
  step: number;
  /** The instant that the picture stands for. */
  at: number;
  bytes: Uint8Array;
}

/** Lists beside the map; what is held back is for staff. */
export type Tab = 'warnings' | 'above' | 'corrections' | 'held';

export class Desk {
  health = $state.raw<Health | null>(null);
  session = $state.raw<Session>({ account: null });
  atlas = $state.raw<Atlas | null>(null);
  regions = $state.raw<Map<string, Region>>(new Map());
  sites = $state.raw<Region[]>([]);

  /** The instant shown; null is LIVE. */
  t = $state<number | null>(null);
  /** The browser's clock set to the server's, for ages in LIVE. */
  now = $state(Date.now());
  #skew = 0;

  domain = $state<string | null>(null);
  region = $state<string | null>(null);
  warning = $state<string | null>(null);
  filter = $state<'open' | 'all'>('open');
  tab = $state<Tab>('warnings');
  /** How far the list of warnings is scrolled. */
  listTop = $state(0);
  playing = $state(false);
  theme = $state<ThemeName>('light');
  lang = $state<string | null>(null);
  keysOn = $state(true);

  picture = $state.raw<Picture | null>(null);
  warnings = $state.raw<Alert[]>([]);
  ledger = $state.raw<Ledger | null>(null);
  /** Null where they could not be read: not known to be none. */
  corrections = $state.raw<Correction[] | null>(null);
  /** Instant that picture, warnings and ledger were read for; null is LIVE. */
  readFor = $state<number | null>(null);
  detail = $state.raw<AlertDetail | null>(null);
  detailProblem = $state('');
  marks = $state.raw<Alert[]>([]);
  laws = $state.raw<Law[]>([]);
  /** What only staff reads. */
  duty = new Duty();

  problem = $state('');
  streaming = $state<'off' | 'open' | 'lost'>('off');
  refreshedAt = $state<number | null>(null);
  busy = $state(0);
  announcement = $state('');

  #stores = new Map<string, CubeStore>();
  #loaded = $state(0);
  #abort: AbortController | null = null;
  #refresh = pace(() => void this.refresh(), 120, 400);
  #stream: EventSource | null = null;
  #countiesAsked = false;
  /** What could not be read at the start and has not been read since. */
  #lasting = '';
  #link: Link | null = null;
  #asked: Promise<unknown> = Promise.resolve();
  #cubeFailed = $state('');
  /** One step of the level cube: what holds now. */
  #nowCube = $state.raw<Cube | null>(null);

  // -- what follows from the state -------------------------------------------------------------------------------

  mode = $derived<'live' | 'replay'>(this.t === null ? 'live' : 'replay');
  /** The instant of the picture, also in LIVE. */
  at = $derived(this.t ?? this.now);
  replay = $derived.by<Track | null>(() => {
    const r = this.health?.clock.replay;
    if (!r) return null;
    return { kind: 'replay', start: Date.parse(r.start), end: Date.parse(r.end), step: r.step_s * 1000 };
  });
  #liveEnd = $derived(Math.floor(this.now / HOUR) * HOUR);
  live = $derived<Track>({ kind: 'live', start: this.#liveEnd - LIVE_SPAN, end: this.#liveEnd, step: HOUR });
  track = $derived.by<Track>(() => {
    const replay = this.replay;
    return this.t !== null && replay && this.t < this.live.start ? replay : this.live;
  });
  /** A number, so that in LIVE a second that passes does not draw the map anew. */
  #step = $derived(stepOf(this.track, this.at));
  frame = $derived.by<Frame | null>(() => {
    void this.#loaded;
    if (this.t === null) {
      // The last full hour is not LIVE: what happened or failed since then must be seen.
      const cube = this.#nowCube;
      return cube && { cube, step: 0, at: cube.start, bytes: levelsAt(cube, 0, this.domain) };
    }
    const track = this.track;
    const at = instantOf(track, this.#step);
    const hit = this.#store(track).at(at);
    if (!hit) return null;
    return { ...hit, at, bytes: levelsAt(hit.cube, hit.step, this.domain) };
  });
  /** Regions above normal in the picture: exactly what the map draws, and the strip beside it. */
  above = $derived.by<AboveRow[]>(() => {
    const frame = this.frame;
    if (!frame) return [];
    return aboveNormal(frame.cube, frame.step, this.domain, this.regions);
  });
  shown = $derived(
    this.warnings.filter(
      (a) => (this.domain === null || a.domain === this.domain) && (this.filter === 'all' || isOpen(a, this.readFor ?? this.now)),
    ),
  );
  /** Exercises and tests among what stands or waits, in every domain: never to be taken for real. */
  drills = $derived(this.warnings.filter((a) => a.status !== 'Actual' && isOpen(a, this.readFor ?? this.now)));
  domains = $derived.by<string[]>(() => {
    const seen = new Set([...(this.picture?.coverage.map((c) => c.domain) ?? []), ...(this.frame?.cube.domains ?? [])]);
    return [...seen];
  });
  /** What `data-asof` of every panel says once it shows this instant. */
  asof = $derived(this.t === null ? 'live' : isoOf(this.t));
  readAsof = $derived(this.readFor === null ? 'live' : isoOf(this.readFor));
  /** Lists that could not follow the clock: still there, but marked as of another instant. */
  lagging = $derived(this.readFor !== this.t && this.problem !== '' && this.picture !== null);
  cubeProblem = $derived(this.#cubeFailed);

  coverageOf(domain: string): Coverage | undefined {
    return this.picture?.coverage.find((c) => c.domain === domain);
  }

  levelName(rank: number): string {
    return this.health?.levels?.find((l) => l.rank === rank)?.name ?? t(`level.${rank}`);
  }

  domainTitle(domain: string): string {
    const title = this.coverageOf(domain)?.title;
    if (title) return title;
    return has(`domain.${domain}`) ? t(`domain.${domain}`) : domain;
  }

  /** A region with its parent: county names repeat. */
  titleOf(id: string): string {
    const region = this.regions.get(id);
    if (region) return region.title;
    const county = this.atlas?.counties.find((s) => s.id === id);
    if (county) {
      const state = this.atlas?.states.find((s) => id.startsWith(s.id));
      return state ? `${county.name}, ${state.name}` : county.name;
    }
    return this.atlas?.states.find((s) => s.id === id)?.name ?? id;
  }

  /** Whether a region lies inside another: by its parents, and by its id where its parents are not read yet. */
  isWithin(region: string, outer: string): boolean {
    for (let at: string | null | undefined = region, i = 0; at && i < 5; i++) {
      if (at === outer) return true;
      const parent: string | null | undefined = this.regions.get(at)?.parent;
      at = parent ?? (/^[A-Z]{2}-\d{5}$/.test(at) ? at.slice(0, 5) : /^[A-Z]{2}-\d{2}$/.test(at) ? at.slice(0, 2) : null);
    }
    return false;
  }

  // -- starting --------------------------------------------------------------------------------------------------

  /** Read what the page stands on; the map, the regions and the first instant at the same time. */
  async start(link: Link): Promise<void> {
    this.#link = link;
    this.#lasting = '';
    this.region = link.region;
    this.warning = link.warning;
    this.domain = link.domain;
    this.lang = link.lang;
    const map = read<Topology>('regions/map').then((topology) => {
      this.atlas = decodeTopology(topology);
    });
    const places = this.#places();
    const session = read<Session>('session').then((s) => this.#know(s));
    this.#asked = session.catch(() => undefined);
    const beside = [map, places, session];
    // They are waited for below; until then a failure of theirs is not lost, only not yet told.
    for (const part of beside) part.catch(() => undefined);
    try {
      const health = await read<Health>('health');
      this.#skew = Date.parse(health.now) - Date.now();
      this.now = Date.now() + this.#skew;
      this.health = health;
      let at: number | null = null;
      if (typeof link.t === 'number') at = this.#inReach(link.t);
      else if (link.t !== 'live' && health.clock.mode === 'replay') at = Date.parse(health.clock.open_at ?? health.clock.at);
      this.t = at === null ? null : instantOf(this.#trackFor(at), stepOf(this.#trackFor(at), at));
      const parts = await Promise.allSettled([...beside, this.#need(this.at), this.refresh()]);
      const failed = parts.find((p) => p.status === 'rejected');
      // Without the map or the names the lists still stand.
      this.#lasting = failed ? words(failed.reason) : '';
      if (failed) this.problem = this.#lasting;
    } catch (error) {
      this.problem = words(error);
      throw error;
    }
    if (this.warning) void this.openWarning(this.warning);
    this.connect();
    void this.#readMarks();
  }

  async #places(): Promise<void> {
    const [sites, nation, states] = await Promise.all([
      readAll<Region>('regions', { level: 'site' }),
      readAll<Region>('regions', { level: 'nation' }),
      readAll<Region>('regions', { level: 'state' }),
    ]);
    const next = new Map(this.regions);
    for (const region of [...nation, ...states, ...sites]) next.set(region.id, region);
    this.regions = next;
    this.sites = sites;
  }

  /** Counties are many and only needed when somebody asks for one. */
  async needCounties(): Promise<void> {
    if (this.#countiesAsked) return;
    this.#countiesAsked = true;
    try {
      const counties = await readAll<Region>('regions', { level: 'county' });
      const next = new Map(this.regions);
      for (const region of counties) next.set(region.id, region);
      this.regions = next;
    } catch (error) {
      this.#countiesAsked = false;
      this.problem = words(error);
    }
  }

  /** Once a second: ages grow, LIVE moves on, and where no news come the picture is read all the same. */
  tick(): void {
    const hour = this.#liveEnd;
    this.now = Date.now() + this.#skew;
    if (this.t !== null || this.health === null) return;
    if (this.#liveEnd !== hour) this.#renew();
    else if (this.streaming !== 'open' && this.now - (this.refreshedAt ?? 0) > SILENCE && this.busy === 0) {
      if (this.#stream?.readyState === EventSource.CLOSED) this.connect();
      this.#renew();
    }
  }

  #renew(): void {
    this.#stores.delete(`live ${this.live.end}`);
    void this.#need(this.at);
    void this.refresh();
  }

  /** Begin again after a failure. */
  retry(): void {
    this.problem = '';
    if ((this.health === null || this.#lasting) && this.#link) this.start(this.#link).catch(() => undefined);
    else {
      void this.#need(this.at);
      void this.refresh();
    }
  }

  // -- the clock -------------------------------------------------------------------------------------------------

  #trackFor(at: number): Track {
    const replay = this.replay;
    return replay && at < this.live.start ? replay : this.live;
  }

  #inReach(at: number): number | null {
    if (at >= this.live.end) return null;
    const replay = this.replay;
    if (at >= this.live.start) return at;
    return replay ? Math.min(replay.end, Math.max(replay.start, at)) : this.live.start;
  }

  #store(track: Track): CubeStore {
    const key = track.kind === 'replay' ? 'replay' : `live ${track.end}`;
    let store = this.#stores.get(key);
    if (!store) {
      for (const old of this.#stores.keys()) if (old.startsWith('live') && key.startsWith('live')) this.#stores.delete(old);
      store = new CubeStore(track, async (start, end) =>
        decodeCube(await read<CubeBody>('picture/cube', { start: isoOf(start), end: isoOf(end) })),
      );
      this.#stores.set(key, store);
    }
    return store;
  }

  async #need(at: number): Promise<void> {
    try {
      const track = this.#trackFor(at);
      await this.#store(track).load(instantOf(track, stepOf(track, at)));
      this.#cubeFailed = '';
    } catch (error) {
      this.#cubeFailed = words(error);
      this.problem = this.#cubeFailed;
    }
    this.#loaded += 1;
  }

  #prefetch(): void {
    const track = this.track;
    if (track.kind !== 'replay') return;
    const store = this.#store(track);
    const step = stepOf(track, this.at);
    for (const ahead of [step + 168, step - 168]) {
      const at = instantOf(track, ahead);
      if (!store.at(at)) void store.load(at).then(() => (this.#loaded += 1), () => undefined);
    }
  }

  /** Move to an instant, or to LIVE with null. */
  seek(instant: number | null): void {
    const at = instant === null ? null : this.#inReach(instant);
    const next = at === null ? null : instantOf(this.#trackFor(at), stepOf(this.#trackFor(at), at));
    if (next === this.t) return;
    const turned = (next === null) !== (this.t === null);
    this.t = next;
    if (next === null) this.playing = false;
    if (!this.frame) void this.#need(this.at);
    this.#prefetch();
    if (turned) void this.refresh();
    else this.#refresh.call();
  }

  stepBy(steps: number): void {
    const track = this.track;
    const from = stepOf(track, this.at);
    const to = from + steps;
    if (track.kind === 'live' && instantOf(track, to) >= track.end) this.seek(null);
    else this.seek(instantOf(track, to));
  }

  /** Go to the replay of the demo, where it opens. */
  enterReplay(): void {
    const clock = this.health?.clock;
    if (this.replay) this.seek(clock?.open_at ? Date.parse(clock.open_at) : this.replay.start);
    else this.seek(this.live.end - HOUR);
  }

  async seekChange(direction: 1 | -1): Promise<void> {
    this.busy += 1;
    try {
      const found = await this.#store(this.track).change(this.at, direction, this.domain);
      this.#loaded += 1;
      if (found === null) this.announcement = t('scrub.nochange');
      else this.seek(found);
    } catch (error) {
      this.problem = words(error);
    } finally {
      this.busy -= 1;
    }
  }

  /** Go to the next or previous warning that was issued. */
  seekWarning(direction: 1 | -1): void {
    const times = this.marks.map((a) => Date.parse(a.sent!)).sort((a, b) => a - b);
    const track = this.track;
    // A warning shows from the step that begins at or after its issue.
    const shows = times.map((ms) => instantOf(track, Math.ceil((ms - track.start) / track.step)));
    const next = direction > 0 ? shows.find((ms) => ms > this.at) : shows.findLast((ms) => ms < this.at);
    if (next === undefined) this.announcement = t('scrub.nowarning');
    else this.seek(next);
  }

  // -- reading what is known at the instant ------------------------------------------------------------------------

  async refresh(): Promise<void> {
    this.#refresh.stop();
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const t0 = this.t;
    const query = { asof: t0 === null ? undefined : isoOf(t0) };
    this.busy += 1;
    try {
      const [now, duty, picture, warnings, ledger, corrections] = await Promise.all([
        t0 === null ? this.#readNow(abort.signal) : null,
        // Who reads is asked at the same time as the picture; only this part waits for the answer.
        this.#asked.then(() => (this.session.account === null ? null : this.duty.read(query, abort.signal))),
        read<Picture>('picture', query, abort.signal),
        readAll<Alert>('warnings', { ...query, state: this.filter === 'open' ? 'open' : undefined }, abort.signal),
        read<Ledger>('ledger', query, abort.signal),
        this.#readCorrections(query, abort.signal),
      ]);
      if (abort.signal.aborted) return;
      if (now) this.#nowCube = now;
      duty?.();
      this.picture = picture;
      this.warnings = warnings;
      this.ledger = ledger;
      this.corrections = corrections;
      this.readFor = t0;
      this.refreshedAt = Date.now() + this.#skew;
      this.problem = this.#cubeFailed || this.#lasting;
      if (this.warning) void this.#readDetail(this.warning);
    } catch (error) {
      if (!isAbort(error)) this.problem = words(error);
    } finally {
      this.busy -= 1;
    }
  }

  /** The warnings stand without this list; that it is missing is said where it would be. */
  async #readCorrections(query: Query, signal: AbortSignal): Promise<Correction[] | null> {
    try {
      return await readAll<Correction>('corrections', query, signal);
    } catch (error) {
      if (isAbort(error)) throw error;
      return null;
    }
  }

  async #readNow(signal: AbortSignal): Promise<Cube> {
    const now = Date.now() + this.#skew;
    return decodeCube(await read<CubeBody>('picture/cube', { start: isoOf(now), end: isoOf(now + MINUTE) }, signal));
  }

  setFilter(filter: 'open' | 'all'): void {
    this.filter = filter;
    this.listTop = 0;
    void this.refresh();
  }

  /** Whether the list of what is held back shows what is over too. */
  showPast(past: boolean): void {
    this.duty.past = past;
    void this.refresh();
  }

  async #readMarks(): Promise<void> {
    const replay = this.replay;
    if (!replay) return;
    this.busy += 1;
    try {
      const all = await readAll<Alert>('warnings', { asof: isoOf(replay.end) });
      this.marks = all.filter((a) => a.sent !== null && a.msg_type !== 'Cancel');
    } catch {
      // The scrubber works without its marks; the list says what stands.
      this.marks = [];
    } finally {
      this.busy -= 1;
    }
  }

  // -- warnings --------------------------------------------------------------------------------------------------

  async openWarning(id: string | null): Promise<void> {
    this.warning = id;
    this.detailProblem = '';
    if (id === null) {
      this.detail = null;
      return;
    }
    if (this.detail?.id !== id) this.detail = null;
    await this.#readDetail(id);
  }

  async #readDetail(id: string): Promise<void> {
    this.busy += 1;
    try {
      const query = { asof: this.t === null ? undefined : isoOf(this.t) };
      const detail = await read<AlertDetail>(`warnings/${encodeURIComponent(id)}`, query);
      if (this.warning === id) {
        this.detail = detail;
        this.detailProblem = '';
      }
    } catch (error) {
      if (this.warning === id) {
        this.detail = null;
        this.detailProblem =
          error instanceof ApiError && error.status === 404 ? t('detail.notyet') : words(error);
      }
    } finally {
      this.busy -= 1;
    }
  }

  async readLaws(): Promise<void> {
    if (!this.laws.length) this.laws = await readAll<Law>('laws');
  }

  /** Take a step with a warning; throws what the server refuses. */
  async act(alert: Alert, action: Action, body: { legal_basis?: string; reason?: string; correction?: boolean }): Promise<void> {
    await this.#take(alert, action, body, t('act.done', { action: t(`action.${action}.past`) }));
  }

  async #take(alert: Alert, path: string, body: unknown, told: string): Promise<void> {
    try {
      await write('POST', `warnings/${encodeURIComponent(alert.id)}/${path}`, body, {
        'If-Match': alert.etag,
        'X-CSRF-Token': this.session.csrf ?? '',
      });
    } catch (error) {
      // What was decided on is no longer what stands: show what stands.
      if (error instanceof ApiError && [409, 412].includes(error.status)) await this.refresh();
      throw error;
    }
    this.announcement = told;
    await this.refresh();
    await this.#readDetail(alert.id);
  }

  /** Say that one has read a translation against the main text. */
  async checkTranslation(alert: Alert, language: string): Promise<void> {
    await this.#take(alert, `translations/${encodeURIComponent(language)}/check`, undefined, t('lang.checkdone'));
  }

  /** Something was done: it is told, and the picture is read anew. */
  async did(told: string): Promise<void> {
    this.announcement = told;
    await this.refresh();
  }

  #know(session: Session): void {
    this.session = session;
    if (session.account === null) this.duty.forget();
  }

  async logIn(account: string, password: string): Promise<void> {
    this.#know((await write<Session>('POST', 'session', { account, password })) ?? { account: null });
    this.#reconnect();
    await this.refresh();
  }

  async logOut(): Promise<void> {
    await write('DELETE', 'session', undefined, { 'X-CSRF-Token': this.session.csrf ?? '' });
    this.#know({ account: null });
    this.#reconnect();
    await this.refresh();
  }

  /** A stream tells what its listener could read when it was opened: drafts are no news to the public. */
  #reconnect(): void {
    if (this.#stream) this.connect();
  }

  // -- news ------------------------------------------------------------------------------------------------------

  connect(): void {
    this.#stream?.close();
    const stream = new EventSource('/api/v1/stream');
    this.#stream = stream;
    const news = pace(() => {
      if (this.t === null) this.#renew();
    }, 200, 1000);
    stream.onopen = () => {
      // What happened while nobody listened is read now.
      if (this.streaming === 'lost') {
        // The server ends a stream with its session: whoever was logged out meanwhile is told so.
        void read<Session>('session').then((s) => this.#know(s), () => undefined);
        news.call();
      }
      this.streaming = 'open';
    };
    stream.onerror = () => (this.streaming = 'lost');
    stream.addEventListener('call', (e) => (this.announcement = this.duty.call((e as MessageEvent<string>).data).text));
    for (const name of ['cycle', 'alert', 'feed', 'delivery', 'call']) stream.addEventListener(name, () => news.call());
  }

  stop(): void {
    this.#stream?.close();
    this.#refresh.stop();
    this.#abort?.abort();
  }

  /** What the address bar should say. */
  get link(): string {
    return formatLink({
      t: this.t ?? 'live',
      region: this.region,
      warning: this.warning,
      domain: this.domain,
      lang: this.lang,
    });
  }
}
