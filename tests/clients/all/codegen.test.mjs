// graphql-codegen: types for TypeScript from what a running server says of itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generate } from '@graphql-codegen/cli';
import { CHANGED, RECEIVE, URL_HTTP } from '../docket.mjs';

function types(document) {
  return generate({
    schema: URL_HTTP,
    documents: [document],
    silent: true,
    // Plugins are looked for from here.
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    generates: { 'types.ts': { plugins: ['typescript', 'typescript-operations'], config: { strictScalars: false } } },
  }, false);
}

test('types of operations are generated', async () => {
  const [{ content }] = await types(`${RECEIVE} ${CHANGED}`);
  for (const name of ['ReceiveMutation', 'ReceiveMutationVariables', 'ChangedSubscription', 'enum TicketState', 'Position:']) {
    assert.ok(content.includes(name), `${name} is missing`);
  }
});

test('an operation that does not fit the schema is an error', async () => {
  await assert.rejects(types('{ nothing }'));
});
