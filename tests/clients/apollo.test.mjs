// Apollo Client: queries and mutations over HTTP, subscriptions over WebSocket, as a workbench has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { CHANGED, RECEIVE, URL_HTTP, URL_WS, receive, request, token, withdraw } from './docket.mjs';

function client(bearer) {
  const Authorization = `Bearer ${bearer}`;
  const sockets = createClient({ url: URL_WS, webSocketImpl: WebSocket, connectionParams: { Authorization }, retryAttempts: 0 });
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    new HttpLink({ uri: URL_HTTP, headers: { Authorization } }),
  );
  const apollo = new ApolloClient({ link, cache: new InMemoryCache() });
  return { apollo, stop: async () => { apollo.stop(); await sockets.dispose(); } };
}

test('a page of the inbox is read and remembered', async () => {
  const { apollo, stop } = client(await token('dispatcher'));
  const query = gql`
    query Inbox($first: Int!) {
      inbox(tab: TO_ASSIGN, first: $first) {
        totalCount
        edges { cursor node { ticket { id number state } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  `;
  const { data } = await apollo.query({ query, variables: { first: 2 } });
  assert.equal(data.inbox.edges.length, 2);
  const { id } = data.inbox.edges[0].node.ticket;
  const cached = apollo.readFragment({ id: `Ticket:${id}`, fragment: gql`fragment T on Ticket { number }` });
  assert.equal(cached.number, data.inbox.edges[0].node.ticket.number);
  await stop();
});

test('a command and its user errors', async () => {
  const { apollo, stop } = client(await token('operator'));
  const mutation = gql(RECEIVE);
  const taken = await apollo.mutate({ mutation, variables: { input: request() } });
  assert.deepEqual(taken.data.receiveTicket.userErrors, []);
  const refused = await apollo.mutate({ mutation, variables: { input: { ...request(), title: '' } } });
  assert.equal(refused.data.receiveTicket.userErrors[0].code, 'REQUIRED');
  await stop();
});

test('errors arrive as GraphQL errors, and not as those of a network', async () => {
  const { apollo, stop } = client('none');
  for (const [query, code] of [
    [gql`{ me { login } }`, 'UNAUTHENTICATED'],
    [gql`{ nothing }`, 'BAD_REQUEST'],
  ]) {
    const error = await apollo.query({ query }).then(() => assert.fail('no error'), (reason) => reason);
    assert.ok(CombinedGraphQLErrors.is(error), String(error));
    assert.equal(error.errors[0].extensions.code, code);
  }
  await stop();
});

test('a subscription', async () => {
  const operator = await token('operator');
  const { id, position } = await receive(operator);
  const { apollo, stop } = client(operator);
  const pushed = new Promise((resolve, reject) => {
    const live = apollo.subscribe({ query: gql(CHANGED), variables: { id, after: position } });
    live.subscribe({ next: resolve, error: reject });
  });
  const withdrawn = await withdraw(operator, id);
  const { data, error } = await pushed;
  assert.equal(error, undefined);
  assert.equal(data.ticketChanged.position, withdrawn);
  await stop();
});
