/** Parts of the page on a running fixture: what is shown, what is asked, what is refused. */

import { type Component, flushSync, mount, tick, unmount } from 'svelte';
import { afterEach, beforeAll, afterAll, describe, expect, it, vi } from 'vitest';
import { createFixture, type Fixture } from '../dev/fixture.mjs';
import ActionDialog from '../src/components/ActionDialog.svelte';
import Coverage from '../src/components/Coverage.svelte';
import Header from '../src/components/Header.svelte';
import LoginDialog from '../src/components/LoginDialog.svelte';
import Scrubber from '../src/components/Scrubber.svelte';
import WarningDetail from '../src/components/WarningDetail.svelte';
import WarningList from '../src/components/WarningList.svelte';
import { setLanguage } from '../src/i18n';
import { Desk } from '../src/state/desk.svelte';
import { parseLink } from '../src/state/link';

const STORM = '#t=2001-03-06T02:00:00Z';
const NOOP = () => undefined;
const fixtures: Fixture[] = [];
let normal: Fixture;
let opened: (() => void)[] = [];

async function serve(scenario: 'normal' | 'quiet' | 'flood' | 'outage') {
  const fixture = await createFixture({ scenario });
  fixtures.push(fixture);
  return fixture;
}

/** A desk on a fixture. Requests go there with the cookie that a browser would keep. */
async function desk(fixture: Fixture, hash: string): Promise<Desk> {
  let cookie = '';
  vi.stubGlobal('fetch', async (path: string, init: RequestInit = {}) => {
    const response = await request(fixture.url + path, { ...init, headers: { ...(init.headers as object), cookie } });
    cookie = response.cookie ?? cookie;
    return new Response(response.body, { status: response.status });
  });
  vi.stubGlobal('EventSource', class { addEventListener() {} close() {} });
  opened.push(() => vi.unstubAllGlobals());
  const made = new Desk();
  await made.start(parseLink(hash));
  opened.push(() => made.stop());
  return made;
}

/** Plain HTTP of Node: the page's own fetch is what is under test, not the one of the test environment. */
async function request(url: string, init: RequestInit): Promise<{ status: number; body: string; cookie?: string }> {
  const { get, gunzip } = await import('./http.mjs');
  const answer = await get(url, { method: init.method ?? 'GET', headers: init.headers as Record<string, string>, body: init.body as string | undefined });
  return { status: answer.status, body: gunzip(answer), cookie: answer.cookie };
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

beforeAll(async () => void (normal = await serve('normal')));
afterEach(() => {
  for (const end of opened.reverse()) end();
  opened = [];
});
afterAll(async () => {
  await Promise.all(fixtures.map((f) => f.close()));
});

describe('the clock', () => {
  it('opens in replay where the server says, and says so', async () => {
    const d = await desk(normal, '');
    const root = show(Header, { desk: d, onlogin: NOOP, onhelp: NOOP, onsources: NOOP });
    expect(one(root, 'clock').dataset.mode).toBe('replay');
    expect(one(root, 'clock').textContent).toContain('20:00');
    expect(one(root, 'header').dataset.asof).toBe('2001-02-28T20:00:00Z');
    expect(one(root, 'mode-replay').getAttribute('aria-pressed')).toBe('true');
  });
  it('keeps what it moves to: every request carries the instant, LIVE none', async () => {
    const d = await desk(normal, STORM);
    await settled(d);
    normal.calls.length = 0;
    d.stepBy(1);
    await vi.waitFor(() => expect(normal.calls.some((c) => c.includes('/picture?'))).toBe(true));
    await settled(d);
    expect(normal.calls.filter((c) => /picture\?|warnings|ledger/.test(c)).every((c) => c.includes('asof=2001-03-06T03%3A00%3A00Z'))).toBe(true);
    normal.calls.length = 0;
    d.seek(null);
    await settled(d);
    expect(normal.calls.length).toBeGreaterThan(2);
    expect(normal.calls.some((c) => c.includes('asof='))).toBe(false);
    expect(d.mode).toBe('live');
  });
  it('asks for nothing while it moves inside a piece that is there', async () => {
    const d = await desk(normal, STORM);
    await settled(d);
    normal.calls.length = 0;
    for (let i = 0; i < 20; i++) {
      d.stepBy(1);
      expect(d.frame?.at).toBe(d.t);
    }
    expect(normal.calls.filter((c) => c.includes('/picture/cube'))).toEqual([]);
    await settled(d);
  });
  it('writes a link that opens the same picture', async () => {
    const d = await desk(normal, `${STORM}&r=US-25025&d=air_transport`);
    expect(d.link).toBe('#t=2001-03-06T02:00:00Z&r=US-25025&d=air_transport');
    const again = await desk(normal, d.link);
    expect([again.t, again.region, again.domain]).toEqual([d.t, d.region, d.domain]);
  });
  it('comes back inside the replay for an instant before it', async () => {
    const d = await desk(normal, '#t=1999-01-01T00:00:00Z');
    expect(d.asof).toBe('2001-01-01T00:00:00Z');
  });
  it('tells a screen reader the instant at the scrubber, and follows it', async () => {
    const d = await desk(normal, STORM);
    const root = show(Scrubber, { desk: d });
    const input = one(root, 'time') as HTMLInputElement;
    expect(input.getAttribute('aria-valuetext')).toBe('06 Mar 2001 02:00 UTC, REPLAY');
    input.value = String(Number(input.value) + 3);
    input.dispatchEvent(new Event('input', { bubbles: true }));
    expect(d.asof).toBe('2001-03-06T05:00:00Z');
    await settled(d);
  });
});

describe('the warning list', () => {
  it('groups by level, names state, regions and time, and is of the instant shown', async () => {
    const d = await desk(normal, STORM);
    const root = show(WarningList, { desk: d });
    const row = all(root, 'warning-row').find((r) => r.dataset.id === 'urn:tocsin:us:noreaster')!;
    expect(row.dataset.state).toBe('issued');
    expect(row.textContent).toMatch(/Extreme:.*Issued.*Boston, Massachusetts.*since 05 Mar 17:09 UTC.*Not yet judged/s);
    expect(one(root, 'group-4').textContent).toMatch(/Extreme\s*1/);
    expect(one(root, 'warnings').dataset.asof).toBe('2001-03-06T02:00:00Z');
  });
  it('knows no verdict before it could be known', async () => {
    const before = await desk(normal, STORM);
    expect(before.warnings.find((a) => a.id.endsWith('noreaster'))?.verdict?.verdict).toBe('OPEN');
    const after = await desk(normal, '#t=2001-03-20T00:00:00Z');
    after.setFilter('all');
    await settled(after);
    const root = show(WarningList, { desk: after });
    const row = all(root, 'warning-row').find((r) => r.dataset.id === 'urn:tocsin:us:noreaster')!;
    expect(one(row, 'verdict').textContent).toMatch(/Came true,\s*7 h ahead/);
  });
  it('keeps only the rows in sight of five hundred', async () => {
    const d = await desk(await serve('flood'), '');
    const root = show(WarningList, { desk: d });
    expect(d.shown.length).toBeGreaterThanOrEqual(500);
    const rows = all(root, 'warning-row');
    expect(rows.length).toBeGreaterThanOrEqual(3);
    expect(rows.length).toBeLessThan(40);
    expect(rows[0].getAttribute('aria-setsize')).toBe(String(d.shown.length));
  });
  it('does not call silence calm', async () => {
    const d = await desk(await serve('quiet'), '');
    const root = show(WarningList, { desk: d });
    expect(one(root, 'no-warnings').textContent).toMatch(/nothing about what is not watched/);
  });
  it('shows above normal what the map draws: a county does not repeat its site', async () => {
    const d = await desk(normal, '#t=2001-02-28T22:00:00Z');
    const rows = d.above.map((r) => `${r.region} ${r.domain} ${r.level}`);
    expect(rows).toContain('US-AIR-SEA air_transport 3');
    expect(rows).toContain('US-53033 seismic 2');
    expect(rows).not.toContain('US-53033 air_transport 3');
  });
  it('gives every number its value, source and time', async () => {
    const d = await desk(normal, STORM);
    const root = show(WarningList, { desk: d });
    const numbers = [...root.querySelectorAll<HTMLElement>('[data-value]')];
    expect(numbers.length).toBeGreaterThan(4);
    for (const n of numbers) expect(n.dataset.source && n.dataset.observed, n.outerHTML).toBeTruthy();
  });
});

describe('coverage', () => {
  it('never lets a failed feed look calm', async () => {
    const d = await desk(await serve('outage'), '');
    const root = show(Coverage, { desk: d });
    const states = ['air_transport', 'seismic', 'weather_alerts', 'economy'].map((x) => {
      const chip = one(root, `coverage-${x}`);
      return [chip.dataset.state, chip.classList.contains('striped')];
    });
    expect(states).toEqual([['failed', true], ['stale', true], ['never', true], ['ok', false]]);
    expect(one(root, 'coverage-air_transport').textContent).toMatch(/FAILED\s*9 h.*132 of 198 series unknown/s);
  });
  it('narrows the picture to a domain and back', async () => {
    const d = await desk(normal, '#t=2001-02-28T22:00:00Z');
    const root = show(Coverage, { desk: d });
    one(root, 'coverage-seismic').click();
    flushSync();
    expect(d.above.every((r) => r.domain === 'seismic')).toBe(true);
    expect(d.above.length).toBeGreaterThan(3);
    one(root, 'coverage-all').click();
    expect(d.domain).toBeNull();
  });
});

describe('decisions', () => {
  const EXERCISE = 'urn:tocsin:us:exercise-1';
  it('are not made in a replay', async () => {
    const d = await desk(normal, `${STORM}&w=urn:tocsin:us:noreaster`);
    await settled(d);
    const root = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    expect(one(root, 'actions').textContent).toMatch(/decisions are made in LIVE only/);
    expect(root.querySelector('[data-testid^="act-"]')).toBeNull();
    expect(all(root, 'members')[0].querySelectorAll('tbody tr')).toHaveLength(7);
    expect(one(root, 'why').textContent).toContain('sha256:');
    expect(one(root, 'history').textContent).toContain('simulated desk');
    expect(one(root, 'cap-link').getAttribute('href')).toMatch(/^\/cap\/.*\.xml$/);
  });
  it('name nobody of the staff to the public, in the language of the page', async () => {
    const d = await desk(normal, `${STORM}&w=urn:tocsin:us:noreaster`);
    await settled(d);
    const known = d.detail!;
    d.detail = {
      ...known, author: 'staff', submitter: 'staff', approver: 'staff',
      history: known.history.map((h) => ({ ...h, actor: h.actor === 'system' ? 'system' : 'staff' })),
    };
    setLanguage('pseudo');
    opened.push(() => void setLanguage(null));
    const root = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    expect(one(root, 'history').textContent).toContain('[štáff');
    expect(one(root, 'history').textContent).toContain('[thé šýštém');
    expect(root.textContent).not.toMatch(/\b(staff|system)\b/);
  });
  it('listen anew with the rights of who is logged in now', async () => {
    const d = await desk(normal, '#t=live');
    await settled(d);
    const open: string[] = [];
    vi.stubGlobal('EventSource', class {
      constructor(readonly url: string) { open.push(url); }
      addEventListener() {}
      close() { open.pop(); open.push('closed'); }
    });
    d.connect();
    await d.logIn('duty', 'duty');
    expect(open).toEqual(['closed', '/api/v1/stream']);
    await d.logOut();
    expect(open).toEqual(['closed', 'closed', '/api/v1/stream']);
  });
  it('cannot be seen before they were taken', async () => {
    const d = await desk(normal, '#t=2001-01-10T00:00:00Z&w=urn:tocsin:us:noreaster');
    await settled(d);
    const root = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    expect(root.textContent).toContain('This warning was not known at this instant, or only the desk may read it.');
  });
  it('go their whole way in LIVE: refused in words, then taken by another officer', async () => {
    const fixture = await serve('normal');
    const d = await desk(fixture, `#t=live&w=${EXERCISE}`);
    await settled(d);
    const outside = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    expect(outside.textContent).toContain('only the desk may read it');

    await d.logIn('duty', 'duty');
    await settled(d);
    expect(one(outside, 'detail-drill').textContent).toMatch(/EXERCISE\s*This is not a real warning/);
    expect(one(outside, 'act-approve')).toBeTruthy();
    let closed = 0;
    const ask = show(ActionDialog, { desk: d, alert: d.detail!, action: 'approve' as const, onclose: () => (closed += 1) });
    await vi.waitFor(() => expect(one(ask, 'legal-basis').querySelectorAll('option').length).toBe(3));
    const send = async () => {
      ask.querySelector('form')!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
      await new Promise((done) => setTimeout(done, 120));
      await settled(d);
    };
    await send();
    expect(ask.textContent).toContain('Choose the legal basis');
    expect(fixture.calls.some((c) => c.startsWith('POST') && c.endsWith('/approve'))).toBe(false);
    const basis = one(ask, 'legal-basis') as HTMLSelectElement;
    basis.value = 'demo-aviation';
    basis.dispatchEvent(new Event('change', { bubbles: true }));
    await send();
    expect(one(ask, 'action-problem').textContent).toMatch(/^Not allowed: the officer who submitted a warning may not approve it/);
    expect(closed).toBe(0);

    await d.logOut();
    await d.logIn('approver', 'approver');
    fixture.disturb();
    await send();
    expect(one(ask, 'action-problem').textContent).toMatch(/Somebody changed this warning/);
    expect(closed).toBe(0);
    // It has been read again, and this dialog decides on nothing any more.
    expect(d.detail?.revision).toBe(2);
    expect((one(ask, 'action-confirm') as HTMLButtonElement).disabled).toBe(true);
    const posts = fixture.calls.filter((c) => c.startsWith('POST')).length;
    await send();
    expect(fixture.calls.filter((c) => c.startsWith('POST'))).toHaveLength(posts);
  });
  it('by another officer end with the approval in the history', async () => {
    const fixture = await serve('normal');
    const d = await desk(fixture, `#t=live&w=${EXERCISE}`);
    await d.logIn('approver', 'approver');
    await settled(d);
    await d.act(d.detail!, 'approve', { legal_basis: 'demo-aviation' });
    await settled(d);
    const root = show(WarningDetail, { desk: d, onact: NOOP, onlogin: NOOP });
    expect(one(root, 'detail-state').textContent).toBe('Approved');
    expect(one(root, 'history').textContent).toMatch(/Approved by approver \(Approving officer\)/);
    expect(root.textContent).toContain('demo-aviation');
  });
  it('need an account whose password is right', async () => {
    const d = await desk(normal, '#t=live');
    const root = show(LoginDialog, { desk: d, onclose: NOOP });
    (one(root, 'login-account') as HTMLInputElement).value = 'duty';
    one(root, 'login-account').dispatchEvent(new Event('input', { bubbles: true }));
    root.querySelector('form')!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
    await vi.waitFor(() => expect(one(root, 'login-problem')?.textContent).toBe('Account or password is wrong.'));
    expect(d.session.account).toBeNull();
  });
});

it('says that the server does not answer, and keeps the picture with the instant it was read for', async () => {
  const fixture = await serve('normal');
  const d = await desk(fixture, STORM);
  await settled(d);
  await fixture.close();
  fixtures.splice(fixtures.indexOf(fixture), 1);
  d.stepBy(2);
  await vi.waitFor(() => expect(d.problem).toMatch(/does not answer/), 4000);
  expect(d.asof).toBe('2001-03-06T04:00:00Z');
  expect(d.readAsof).toBe('2001-03-06T02:00:00Z');
  expect(d.warnings.length).toBeGreaterThan(0);
  const root = show(WarningList, { desk: d });
  expect(one(root, 'lagging').textContent).toContain('It is of 06 Mar 2001 02:00 UTC');
  expect(one(root, 'warnings').dataset.asof).toBe('2001-03-06T02:00:00Z');
});

it('stands on what it could read: without the map the lists are there, and the fault is told until it is mended', async () => {
  const fixture = await serve('normal');
  const d = await desk(fixture, STORM);
  const through = globalThis.fetch;
  let broken = true;
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) =>
    broken && path.includes('regions/map') ? Promise.resolve(new Response('{}', { status: 503 })) : through(path, init),
  );
  const second = new Desk();
  opened.push(() => second.stop());
  await second.start(parseLink(STORM));
  await settled(second);
  expect(second.atlas).toBeNull();
  expect(second.warnings.length).toBe(d.warnings.length);
  expect(second.problem).toMatch(/503/);
  await second.refresh();
  expect(second.problem).toMatch(/503/);
  broken = false;
  second.retry();
  await vi.waitFor(() => expect(second.atlas).not.toBeNull(), 4000);
  await settled(second);
  expect(second.problem).toBe('');
});
