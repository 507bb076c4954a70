// GraphQL over HTTP, by the audits of graphql-http: every one, whether it says MUST, SHOULD or MAY.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverAudits } from 'graphql-http';
import { URL_HTTP } from './docket.mjs';

const audits = serverAudits({ url: URL_HTTP });

test('there are 61 audits', () => assert.equal(audits.length, 61));

for (const { id, name, fn } of audits) {
  test(`${id} ${name}`, async () => {
    const result = await fn();
    assert.equal(result.status, 'ok', result.reason);
  });
}
