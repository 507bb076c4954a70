// GraphQL over server-sent events, spoken by graphql-sse, the client of those who wrote the protocol; and the
// way back after a broken connection, by EventSource as the WHATWG has it.
import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { test } from 'node:test';
import { EventSource } from 'eventsource';
import { createClient } from 'graphql-sse';
import { CHANGED, SERVER, URL_HTTP, receive, token, withdraw } from './docket.mjs';

const as = (bearer) => ({ authorization: `Bearer ${bearer}` });

async function all(sse, payload) {
  const results = [];
  for await (const result of sse.iterate(payload)) results.push(result);
  return results;
}

test('an operation is a stream with an end', async () => {
  const sse = createClient({ url: URL_HTTP, headers: as(await token('operator')), retryAttempts: 0 });
  const results = await all(sse, { query: '{ me { login } }' });
  assert.deepEqual(results.map(({ data, errors }) => ({ data, errors })), [{ data: { me: { login: 'operator' } }, errors: undefined }]);
  const [wrong] = await all(sse, { query: '{ nothing }' });
  assert.equal(wrong.errors[0].extensions.code, 'BAD_REQUEST');
  assert.ok(!('data' in wrong));
  sse.dispose();
});

test('a subscription follows a ticket', async () => {
  const operator = await token('operator');
  const { id, position } = await receive(operator);
  const sse = createClient({ url: URL_HTTP, headers: as(operator), retryAttempts: 0 });
  const live = sse.iterate({ query: CHANGED, variables: { id, after: position } });
  const pushed = live.next();
  const withdrawn = await withdraw(operator, id);
  const { value } = await pushed;
  assert.equal(value.data.ticketChanged.position, withdrawn);
  await live.return();
  sse.dispose();
});

test('an EventSource comes back where it was cut off', async () => {
  const operator = await token('operator');
  const { id, position } = await receive(operator);
  const [host, port] = new URL(SERVER).host.split(':');
  // A way to the server that can be cut.
  const open = new Set();
  const proxy = createServer((client) => {
    const server = connect(Number(port), host);
    open.add(client);
    client.pipe(server).pipe(client);
    client.on('error', () => server.destroy()).on('close', () => server.destroy());
    server.on('error', () => client.destroy()).on('close', () => client.destroy());
  });
  await new Promise((ready) => proxy.listen(0, '127.0.0.1', ready));
  const url = new URL(`http://127.0.0.1:${proxy.address().port}/graphql`);
  url.searchParams.set('query', CHANGED);
  url.searchParams.set('variables', JSON.stringify({ id, after: String(BigInt(position) - 1n) }));
  const asked = [];
  const source = new EventSource(url, {
    fetch: (input, init) => {
      asked.push(init.headers['Last-Event-ID']);
      return fetch(input, { ...init, headers: { ...init.headers, ...as(operator) } });
    },
  });
  const told = [];
  let heard;
  source.addEventListener('next', ({ data, lastEventId }) => {
    const change = JSON.parse(data).data.ticketChanged;
    assert.equal(lastEventId, change.position);
    told.push(change.type);
    heard?.();
  });
  const until = async (count) => {
    while (told.length < count) await new Promise((resolve) => { heard = resolve; });
  };
  await until(1);
  for (const client of open) client.destroy();
  await withdraw(operator, id);
  await until(2);
  source.close();
  proxy.close();
  for (const client of open) client.destroy();
  assert.deepEqual(told, ['received', 'withdrawn']);
  assert.deepEqual(asked.slice(0, 2), [undefined, position]);
});
