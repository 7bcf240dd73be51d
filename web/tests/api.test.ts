import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, address, read, readAll, write } from '../src/state/api';
import { words } from '../src/state/words';

function answer(...responses: (() => Response | Promise<Response>)[]) {
  const urls: string[] = [];
  const inits: RequestInit[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    urls.push(url);
    inits.push(init);
    return Promise.resolve(responses[Math.min(urls.length, responses.length) - 1]());
  });
  return { urls, inits };
}
const json = (body: unknown, status = 200) => () => new Response(JSON.stringify(body), { status });
afterEach(() => vi.unstubAllGlobals());

it('writes addresses without empty keys', () => {
  expect(address('warnings', { asof: '2001-02-28T18:54:00Z', state: undefined, n: 0 })).toBe('/api/v1/warnings?asof=2001-02-28T18%3A54%3A00Z&n=0');
});

describe('lists', () => {
  it('are read to their end', async () => {
    const { urls } = answer(json({ items: [1, 2], next: 'b' }), json({ items: [3], next: null }));
    expect(await readAll<number>('regions', { level: 'site' })).toEqual([1, 2, 3]);
    expect(urls[1]).toBe('/api/v1/regions?level=site&cursor=b');
  });
  it('may come without a cursor', async () => {
    const { urls } = answer(json({ items: ['a'] }));
    expect(await readAll('laws')).toEqual(['a']);
    expect(urls).toHaveLength(1);
  });
  it('do not go round for ever', async () => {
    answer(json({ items: [1], next: 'same' }));
    await expect(readAll('regions')).rejects.toThrow('cursor same came twice');
  });
});

describe('errors', () => {
  it('keep what the server said', async () => {
    answer(json({ type: 'x', title: 'Forbidden', status: 403, detail: 'the officer who submitted may not approve' }, 403));
    const error = await read('x').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(words(error)).toBe('Not allowed: the officer who submitted may not approve');
  });
  it('survive a body that is no problem document', async () => {
    answer(() => new Response('<html>bad gateway</html>', { status: 502, statusText: 'Bad Gateway' }));
    expect(words(await read('x').catch((e: unknown) => e))).toBe('The server reports a fault (502): Bad Gateway');
  });
  it('say that no answer came', async () => {
    answer(() => Promise.reject(new TypeError('failed to fetch')));
    const error = await read('x').catch((e: unknown) => e);
    expect(error).toMatchObject({ status: 0 });
    expect(words(error)).toMatch(/does not answer/);
  });
  it('have words for each that a decision can meet', () => {
    const texts = [401, 403, 409, 412, 422, 429, 500].map((s) => words(new ApiError(s, 'T', 'why')));
    expect(new Set(texts).size).toBe(7);
    for (const i of [1, 2, 4, 6]) expect(texts[i]).toContain('why');
  });
});

it('sends the version and the token with a change, and takes an empty answer', async () => {
  const { inits } = answer(() => new Response(null, { status: 204 }));
  expect(await write('DELETE', 'session', undefined, { 'X-CSRF-Token': 'abc' })).toBeNull();
  expect(inits[0]).toMatchObject({ method: 'DELETE', credentials: 'same-origin', headers: { 'X-CSRF-Token': 'abc' } });
});
