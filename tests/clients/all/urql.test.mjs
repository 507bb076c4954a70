// urql, with its own transport for everything: subscriptions as server-sent events over fetch.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { pipe, take, toPromise } from 'wonka';
import { CHANGED, RECEIVE, URL_HTTP, receive, request, token, withdraw } from '../docket.mjs';

/** Ends a stream that is no longer wanted: urql leaves the error of an aborted one to nobody, and node fails for it. */
async function quietly(input, { signal, ...init }) {
  const response = await fetch(input, init);
  const { readable, writable } = new TransformStream();
  response.body.pipeTo(writable, { signal, preventAbort: true }).catch(() => writable.close()).catch(() => {});
  return new Response(readable, { status: response.status, headers: response.headers });
}

function client(bearer, options = {}) {
  return new Client({
    url: URL_HTTP,
    exchanges: [cacheExchange, fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${bearer}` } },
    fetchSubscriptions: true,
    fetch: quietly,
    ...options,
  });
}

const INBOX = 'query Inbox($first: Int!) { inbox(tab: TO_ASSIGN, first: $first) { edges { node { ticket { id number } } } } }';

for (const preferGetMethod of [false, 'force']) {
  test(`queries by ${preferGetMethod ? 'GET' : 'POST'}`, async () => {
    const urql = client(await token('dispatcher'), { preferGetMethod });
    const { data, error } = await urql.query(INBOX, { first: 2 }).toPromise();
    assert.equal(error, undefined);
    assert.equal(data.inbox.edges.length, 2);
  });
}

test('mutations and errors', async () => {
  const urql = client(await token('operator'));
  const { data } = await urql.mutation(RECEIVE, { input: request() }).toPromise();
  assert.deepEqual(data.receiveTicket.userErrors, []);
  const { error } = await client('none').query('{ me { login } }', {}).toPromise();
  assert.equal(error.networkError, undefined);
  assert.equal(error.graphQLErrors[0].extensions.code, 'UNAUTHENTICATED');
});

test('a subscription', async () => {
  const operator = await token('operator');
  const { id, position } = await receive(operator);
  const pushed = pipe(client(operator).subscription(CHANGED, { id, after: position }), take(1), toPromise);
  const withdrawn = await withdraw(operator, id);
  const { data, error } = await pushed;
  assert.equal(error, undefined);
  assert.equal(data.ticketChanged.position, withdrawn);
});
