/** HTTP through Node itself, for tests that stand in for the browser. */

import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';

export function get(url, { method, headers, body }) {
  return new Promise((done, fail) => {
    const call = request(url, { method, headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () =>
        done({ status: response.statusCode, bytes: Buffer.concat(parts), cookie: response.headers['set-cookie']?.[0].split(';')[0] }),
      );
    });
    call.on('error', fail);
    call.end(body);
  });
}

export function gunzip(answer) {
  return answer.bytes.length > 2 && answer.bytes[0] === 0x1f ? gunzipSync(answer.bytes).toString('utf8') : answer.bytes.toString('utf8');
}
