/** The only place that speaks HTTP; every failure becomes an `ApiError` that says what happened. */

import type { Page } from './types';

const ROOT = '/api/v1/';

export type Query = Record<string, string | number | null | undefined>;

/** A request that did not end well; `status` is 0 when no answer came at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
    this.name = 'ApiError';
  }
}

/** The address of a resource; keys without a value are left out. */
export function address(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, v]) => v !== null && v !== undefined && v !== '');
  const text = pairs.map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join('&');
  return ROOT + path + (text ? `?${text}` : '');
}

async function problem(response: Response): Promise<ApiError> {
  let title = response.statusText;
  let detail = '';
  try {
    const body: unknown = await response.json();
    if (body && typeof body === 'object') {
      const known = body as { title?: unknown; detail?: unknown };
      if (typeof known.title === 'string') title = known.title;
      if (typeof known.detail === 'string') detail = known.detail;
    }
  } catch {
    // A proxy may answer with HTML; the status alone then has to do.
  }
  return new ApiError(response.status, title, detail);
}

async function send(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'no answer', error instanceof Error ? error.message : String(error));
  }
  if (!response.ok) throw await problem(response);
  return response;
}

/** Read a resource. */
export async function read<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const response = await send(address(path, query), { signal, headers: { Accept: 'application/json' } });
  return (await response.json()) as T;
}

/** Read a list to its end, page by page. */
export async function readAll<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  const seen = new Set<string>();
  do {
    const page: Partial<Page<T>> & { items: T[] } = await read<Page<T>>(path, cursor ? { ...query, cursor } : query, signal);
    items.push(...page.items);
    // Short lists come without a cursor at all.
    cursor = page.next ?? null;
    // A server that repeats a cursor would keep us here for ever.
    if (cursor !== null && seen.has(cursor)) throw new ApiError(0, 'bad page', `cursor ${cursor} came twice`);
    if (cursor !== null) seen.add(cursor);
  } while (cursor !== null);
  return items;
}

/** Change something; `headers` carry the version that the change is based on and the session's token. */
export async function write<T>(
  method: 'POST' | 'DELETE',
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<T | null> {
  const response = await send(address(path), {
    method,
    headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return text ? (JSON.parse(text) as T) : null;
}

/** Whether an error only says that we ourselves gave up on the request. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
