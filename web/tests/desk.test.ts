/** What only staff sees: groups, what is held back, delivery, reach; and what everybody sees: corrections. */

import { type Component, flushSync, mount, tick, unmount } from 'svelte';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createFixture, type Fixture } from '../dev/fixture.mjs';
import ReachDialog from '../src/components/ReachDialog.svelte';
import SilenceDialog from '../src/components/SilenceDialog.svelte';
import WarningDetail from '../src/components/WarningDetail.svelte';
import WarningList from '../src/components/WarningList.svelte';
import { Desk } from '../src/state/desk.svelte';
import { parseLink } from '../src/state/link';
import { get, gunzip } from './http.mjs';

const STORM = '#t=2001-03-06T02:00:00Z';
const NOOP = () => undefined;
let normal: Fixture;
let flood: Fixture;
let opened: (() => void)[] = [];

async function desk(fixture: Fixture, hash: string, account?: string): Promise<Desk> {
  let cookie = '';
  vi.stubGlobal('fetch', async (path: string, init: RequestInit = {}) => {
    const answer = await get(fixture.url + path, { method: init.method ?? 'GET', headers: { ...(init.headers as object), cookie }, body: init.body as string | undefined });
    cookie = answer.cookie ?? cookie;
    return new Response(gunzip(answer), { status: answer.status });
  });
  vi.stubGlobal('EventSource', class { addEventListener() {} close() {} });
  opened.push(() => vi.unstubAllGlobals());
  const made = new Desk();
  await made.start(parseLink(hash));
  opened.push(() => made.stop());
  if (account) await made.logIn(account, account);
  await settled(made);
  return made;
}
function show<P extends Record<string, unknown>>(component: Component<P>, props: P): HTMLElement {
  const target = document.body.appendChild(document.createElement('div'));
  const app = mount(component, { target, props });
  opened.push(() => void unmount(app).then(() => target.remove()));
  flushSync();
  return target;
}
const one = (root: ParentNode, id: string) => root.querySelector<HTMLElement>(`[data-testid="${id}"]`)!;
const all = (root: ParentNode, id: string) => [...root.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)];
const settled = async (d: Desk) => {
  await vi.waitFor(() => expect(d.busy).toBe(0), 4000);
  await tick();
  flushSync();
};

beforeAll(async () => {
  [normal, flood] = await Promise.all([createFixture({ scenario: 'normal' }), createFixture({ scenario: 'flood' })]);
});
afterEach(() => {
  for (const end of opened.reverse()) end();
  opened = [];
});
afterAll(async () => void (await Promise.all([normal.close(), flood.close()])));

describe('groups', () => {
  it('make a flood a page, open to their members, and close again', async () => {
    const d = await desk(flood, '', 'duty');
    expect(d.shown.length).toBeGreaterThanOrEqual(500);
    const root = show(WarningList, { desk: d });
    const heads = all(root, 'group-row');
    expect(heads.length).toBeGreaterThan(2);
    expect(Number(heads[0].getAttribute('aria-setsize'))).toBeLessThanOrEqual(20);
    expect(one(root, 'group-sum').textContent).toMatch(new RegExp(`${d.shown.length} warnings\\s+in \\d+ groups`));
    expect(d.duty.groups!.reduce((n, g) => n + g.count, 0)).toBe(d.shown.length);
    const button = heads[0].querySelector('button')!;
    expect(button.getAttribute('aria-expanded')).toBe('false');
    button.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }));
    flushSync();
    const members = all(root, 'warning-row').filter((r) => r.getAttribute('aria-level') === '2');
    expect(members.length).toBeGreaterThan(0);
    expect(members[0].getAttribute('aria-setsize')).toBe(heads[0].dataset.count);
    one(root, 'group-row').querySelector('button')!.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true, cancelable: true }));
    flushSync();
    expect(all(root, 'warning-row').filter((r) => r.getAttribute('aria-level') === '2')).toEqual([]);
  });
  it('are for the desk: the public reads the warnings by level', async () => {
    const before = flood.calls.length; // of the tests before, which log in
    const d = await desk(flood, '');
    expect(flood.calls.slice(before).filter((c) => /groups|suppressed|silences/.test(c))).toEqual([]);
    const root = show(WarningList, { desk: d });
    expect(all(root, 'group-row')).toEqual([]);
    expect(one(root, 'group-4')).toBeTruthy();
    expect(one(root, 'tab-held')).toBeNull();
  });
  it('that cannot be read leave the list as it is, and that is said', async () => {
    const d = await desk(normal, STORM, 'duty');
    const through = globalThis.fetch;
    vi.stubGlobal('fetch', (path: string, init?: RequestInit) => (path.includes('/groups') ? Promise.resolve(new Response('{}', { status: 503 })) : through(path, init)));
    await d.refresh();
    const root = show(WarningList, { desk: d });
    expect(one(root, 'duty-problem').textContent).toMatch(/503/);
    expect(all(root, 'warning-row').length).toBe(d.shown.length);
    expect(d.duty.held).not.toBeNull();
  });
});

it('tabs follow the arrow keys, and one of them is in the way of Tab', async () => {
  const d = await desk(normal, STORM, 'duty');
  const root = show(WarningList, { desk: d });
  const tabs = () => [...root.querySelectorAll<HTMLElement>('[role=tab]')];
  const press = (key: string) => {
    tabs().find((x) => x.tabIndex === 0)!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    flushSync();
    return tabs().filter((x) => x.getAttribute('aria-selected') === 'true').map((x) => x.dataset.testid);
  };
  expect(tabs().map((x) => x.tabIndex)).toEqual([0, -1, -1, -1]);
  expect(press('ArrowRight')).toEqual(['tab-above']);
  expect(press('ArrowLeft')).toEqual(['tab-warnings']);
  expect(press('ArrowLeft')).toEqual(['tab-held']);
  expect(tabs().map((x) => x.tabIndex)).toEqual([-1, -1, -1, 0]);
});

describe('what is held back', () => {
  it('stands there with its reason, by whom and until when, and what is over on request', async () => {
    const d = await desk(normal, STORM, 'duty');
    d.tab = 'held';
    const root = show(WarningList, { desk: d, onend: NOOP });
    expect(one(root, 'tab-held').textContent).toMatch(/Held back\s*3/);
    const stages = all(root, 'held-row').map((r) => r.dataset.stage);
    expect(stages.sort()).toEqual(['capped', 'inhibited', 'silenced']);
    const silenced = all(root, 'held-row').find((r) => r.dataset.stage === 'silenced')!;
    expect(silenced.textContent).toMatch(/Silence.*Runway works until the evening.*by duty.*until 01 Mar 16:00 UTC/s);
    expect(all(root, 'held-row').find((r) => r.dataset.stage === 'capped')!.textContent).toContain('weighed again at every cycle');
    expect(all(root, 'cap').map((r) => r.textContent)).toEqual([expect.stringMatching(/Massachusetts.*Cap reached.*3 of 3.*2/s), expect.stringMatching(/New York.*1 of 3.*0/s)]);
    const past = one(root, 'held-past') as HTMLInputElement;
    past.click();
    await settled(d);
    expect(all(root, 'held-row').map((r) => r.dataset.active)).toEqual(['true', 'true', 'true', 'false']);
    expect(root.querySelectorAll('[data-testid=silence-end]')).toHaveLength(0);
  });
  it('is not taken for nothing when it cannot be read', async () => {
    const d = await desk(normal, STORM, 'duty');
    const through = globalThis.fetch;
    vi.stubGlobal('fetch', (path: string, init?: RequestInit) => (path.includes('/suppressed') ? Promise.resolve(new Response('{}', { status: 500 })) : through(path, init)));
    await d.refresh();
    d.tab = 'held';
    const root = show(WarningList, { desk: d });
    expect(one(root, 'held').textContent).toContain('It is not known to be nothing');
    expect(one(root, 'held-none')).toBeNull();
    expect(one(root, 'tab-held').textContent).toMatch(/–/);
  });
  it('goes when who saw it logs out', async () => {
    const d = await desk(normal, STORM, 'duty');
    d.tab = 'held';
    const root = show(WarningList, { desk: d });
    await d.logOut();
    await settled(d);
    expect(one(root, 'tab-held')).toBeNull();
    expect(one(root, 'tab-warnings').getAttribute('aria-selected')).toBe('true');
    expect(d.duty.groups).toBeNull();
  });
  it('is asked for with a reason, never without', async () => {
    const fixture = await createFixture({ scenario: 'normal' });
    opened.push(() => void fixture.close());
    const d = await desk(fixture, `${STORM}&w=urn:tocsin:us:noreaster`, 'duty');
    let closed = 0;
    const ask = show(SilenceDialog, { desk: d, alert: d.detail!, onclose: () => (closed += 1) });
    const send = async () => {
      ask.querySelector('form')!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
      await new Promise((done) => setTimeout(done, 80));
      await settled(d);
    };
    await send();
    expect(ask.textContent).toContain('Say why');
    expect(fixture.calls.some((c) => c.startsWith('POST') && c.endsWith('/silences'))).toBe(false);
    const reason = one(ask, 'silence-reason') as HTMLTextAreaElement;
    reason.value = 'known works';
    reason.dispatchEvent(new Event('input', { bubbles: true }));
    await send();
    expect(fixture.calls.filter((c) => c.startsWith('POST') && c.endsWith('/silences'))).toHaveLength(1);
    expect(closed).toBe(1);
    // An extreme warning is never silenced: the choice ends below it.
    expect((one(ask, 'silence-level') as HTMLSelectElement).options).toHaveLength(3);
  });
});

describe('a warning', () => {
  it('says likelihood and impact apart, and that a likelihood is not measured', async () => {
    const d = await desk(normal, `${STORM}&w=urn:tocsin:us:noreaster`);
    const root = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    expect(one(root, 'likelihood').textContent).toMatch(/Likelihood\s*Medium\s*41 % of earlier warnings/);
    expect(one(root, 'impact').textContent).toMatch(/Impact\s*Severe\s*4 of 4/);
    expect(one(root, 'level').textContent).toMatch(/Extreme\s*from: stated rule/);
    d.detail = { ...d.detail!, likelihood: null, likelihood_band: null };
    flushSync();
    expect(one(root, 'likelihood').textContent).toContain('not measured');
    expect(one(root, 'likelihood').querySelector('[data-value=unknown]')).toBeTruthy();
  });
  it('claims no delivery without a receipt, and shows none of it to the public', async () => {
    const at = Date.UTC(2001, 1, 28, 20);
    const live = await createFixture({ scenario: 'normal', now: () => at });
    opened.push(() => void live.close());
    const d = await desk(live, '#t=live&w=urn:tocsin:us:exercise-1', 'duty');
    expect(d.drills.map((a) => a.id)).toEqual(['urn:tocsin:us:exercise-1']);
    d.detail = { ...d.detail!, id: 'urn:tocsin:us:nisqually', status: 'Actual' };
    const root = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    await vi.waitFor(() => expect(all(root, 'delivery')).toHaveLength(4));
    const said = Object.fromEntries(all(root, 'delivery').map((r) => [r.dataset.state, r.textContent!]));
    expect(said.delivered).toMatch(/delivered.*receipt 28 Feb 20:00 UTC/s);
    expect(said.accepted).toMatch(/taken by the channel.*no receipt/s);
    expect(said.accepted).not.toMatch(/delivered/);
    expect(said.failed).toMatch(/tried again.*3 attempts.*next try/s);
    expect(said.dead).toMatch(/NOT DELIVERED.*HTTP 410/s);
    await d.logOut();
    flushSync();
    expect(one(root, 'deliveries')).toBeNull();
  });
  it('tells which translations nobody has checked', async () => {
    const d = await desk(normal, '#t=live&w=urn:tocsin:us:exercise-1', 'duty');
    const root = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    const row = one(root, 'translation');
    expect([row.dataset.language, row.dataset.checked]).toEqual(['es-US', 'false']);
    expect(row.textContent).toMatch(/NOT CHECKED.*Spanish.*another person has to check/s);
    expect(row.querySelector('[lang=es-US]')!.textContent).toContain('EJERCICIO');
  });
  it('says whether what was sent is signed, and does not guess', async () => {
    const d = await desk(normal, `${STORM}&w=urn:tocsin:us:noreaster`);
    const root = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    expect(one(root, 'signature').textContent).toMatch(/signed with key desk-2001.*sha256:ab12/s);
    d.detail = { ...d.detail!, signature: { ...d.detail!.signature!, signed: false } };
    flushSync();
    expect(one(root, 'signature').textContent).toContain('NOT SIGNED');
    d.detail = { ...d.detail!, signature: null };
    flushSync();
    expect(one(root, 'signature').dataset.signed).toBe('unknown');
  });
  it('of an exercise is not in the public view', async () => {
    const d = await desk(normal, '#t=live');
    expect(d.warnings).toEqual([]);
    await d.openWarning('urn:tocsin:us:exercise-1');
    expect(d.detail).toBeNull();
    expect(d.detailProblem).toMatch(/only the desk may read it/);
  });
});

describe('corrections', () => {
  it('are for everybody, from when they were made', async () => {
    const d = await desk(normal, STORM);
    d.tab = 'corrections';
    const root = show(WarningList, { desk: d });
    expect(one(root, 'tab-corrections').textContent).toMatch(/Corrections\s*1/);
    expect(one(root, 'correction-row').textContent).toMatch(/CORRECTION.*Wrong: Departures stopped at Seattle.*was Severe, now Warning/s);
    const before = await desk(normal, '#t=2001-02-28T12:00:00Z');
    expect(before.corrections).toEqual([]);
  });
  it('that cannot be read are not known to be none', async () => {
    const d = await desk(normal, STORM);
    const through = globalThis.fetch;
    vi.stubGlobal('fetch', (path: string, init?: RequestInit) => (path.includes('/corrections') ? Promise.resolve(new Response('{}', { status: 500 })) : through(path, init)));
    await d.refresh();
    d.tab = 'corrections';
    const root = show(WarningList, { desk: d });
    expect(root.textContent).toContain('It is not known to be empty');
    expect(one(root, 'no-corrections')).toBeNull();
    expect(d.problem).toBe('');
  });
});

it('a call of the desk stays until somebody answers it, and is told once for each warning', async () => {
  const d = await desk(normal, '#t=live', 'duty');
  const stream = new EventTarget();
  vi.stubGlobal('EventSource', class { addEventListener(name: string, act: EventListener) { stream.addEventListener(name, act); } close() {} });
  const tell = (at: string, text: string) => stream.dispatchEvent(new MessageEvent('call', { data: JSON.stringify({ id: 'a', at, text }) }));
  d.connect();
  tell('2001-03-01T00:00:00Z', 'a waits for 30 min');
  tell('2001-03-01T00:30:00Z', 'a waits for 60 min');
  expect(d.announcement).toBe('a waits for 60 min');
  expect(d.duty.calls.map((c) => c.text)).toEqual(['a waits for 60 min']);
  d.duty.heard('a');
  expect(d.duty.calls).toEqual([]);
});

describe('channels', () => {
  it('that gave up ask for somebody at once, in LIVE', async () => {
    const d = await desk(normal, '#t=live', 'duty');
    expect(d.duty.alarm).toEqual({ givenUp: 1, overdue: 0, reviews: [] });
    d.enterReplay();
    await settled(d);
    expect(d.duty.alarm).toBeNull();
    expect(d.duty.problem).toBe('');
  });
  it('are only as good as their last receipt, and an old test is unknown', async () => {
    const d = await desk(normal, '#t=live', 'duty');
    const root = show(ReachDialog, { desk: d, onclose: NOOP });
    await vi.waitFor(() => expect(all(root, 'reach-row')).toHaveLength(5));
    const states = Object.fromEntries(all(root, 'reach-row').map((r) => [r.querySelector('strong')!.textContent, r.dataset.state]));
    expect(states).toEqual({ 'drill-siren': 'failed', 'drill-mail': 'unknown', 'drill-broker': 'unknown', 'drill-feed': 'ok', 'public-feed': 'unknown' });
    const feed = all(root, 'reach-row').find((r) => r.textContent!.startsWith('drill-feed'))!;
    expect(feed.textContent).toMatch(/Receipts\s*97 %, after 31 s/);
    expect(all(root, 'reach-row').find((r) => r.textContent!.startsWith('public-feed'))!.textContent).toMatch(/Receipts\s*unknown/);
    expect(all(root, 'lost-row').map((r) => r.dataset.state)).toEqual(['dead']);
  });
});
