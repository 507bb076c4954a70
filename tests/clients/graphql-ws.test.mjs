// graphql-transport-ws, spoken by graphql-ws, the client of those who wrote the protocol.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { CHANGED, RECEIVE, URL_WS, receive, request, token, withdraw } from './docket.mjs';

function client(connectionParams, options = {}) {
  return createClient({ url: URL_WS, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0, ...options });
}

const as = (bearer) => ({ Authorization: `Bearer ${bearer}` });

/** The results of an operation with an end. */
async function all(ws, payload) {
  const results = [];
  for await (const result of ws.iterate(payload)) results.push(result);
  return results;
}

test('queries and mutations have one result', async () => {
  const ws = client(as(await token('operator')));
  const [me] = await all(ws, { query: '{ me { login } }' });
  assert.deepEqual(me.data, { me: { login: 'operator' } });
  const [received, more] = await all(ws, { query: RECEIVE, variables: { input: request() } });
  assert.equal(received.data.receiveTicket.ticket.state, 'RECEIVED');
  assert.equal(more, undefined);
  await ws.dispose();
});

test('a subscription is resumed without gap or double', async () => {
  const operator = await token('operator');
  const { id, position } = await receive(operator);
  const ws = client(as(operator));
  const live = ws.iterate({ query: CHANGED, variables: { id, after: position } });
  const pushed = live.next();
  const withdrawn = await withdraw(operator, id);
  const { value } = await pushed;
  assert.deepEqual(value.data.ticketChanged, { position: withdrawn, type: 'withdrawn', ticket: { state: 'WITHDRAWN' } });
  await live.return();
  const before = String(BigInt(position) - 1n);
  const again = ws.iterate({ query: CHANGED, variables: { id, after: before } });
  const types = [];
  for await (const result of again) {
    types.push(result.data.ticketChanged.type);
    if (types.length === 2) break;
  }
  assert.deepEqual(types, ['received', 'withdrawn']);
  await ws.dispose();
});

test('a request that is wrong is rejected with its errors', async () => {
  const ws = client(as(await token('operator')));
  for (const [query, code] of [
    ['{ nothing }', 'BAD_REQUEST'],
    ['subscription { ticketChanged(id: "ticket:00000000-0000-7000-8000-000000000000") { type } }', 'NOT_FOUND'],
  ]) {
    const errors = await all(ws, { query }).then(() => assert.fail('no error'), (reason) => reason);
    assert.ok(Array.isArray(errors), String(errors));
    assert.equal(errors[0].extensions.code, code);
  }
  await ws.dispose();
});

test('a token that is not valid closes the connection', async () => {
  const ws = client(as('none'));
  const closed = await all(ws, { query: '{ __typename }' }).then(() => assert.fail('let in'), (reason) => reason);
  assert.deepEqual([closed.code, closed.reason], [4403, 'Forbidden']);
});

test('pings of the client are answered', async () => {
  const operator = await token('operator');
  let ws;
  await new Promise((answered, failed) => {
    const on = { pong: (received) => received && answered(), closed: failed };
    ws = client(as(operator), { keepAlive: 50, lazy: false, onNonLazyError: failed, on });
  });
  await ws.dispose();
});
