// What every client's test needs: where the server is, who is logged in, and a ticket to watch.
import assert from 'node:assert/strict';

/** The running server, `http://HOST:PORT`. */
export const SERVER = process.env.DOCKET_URL;
assert.ok(SERVER, 'DOCKET_URL names the server; tests/run starts one');
export const URL_HTTP = `${SERVER}/graphql`;
export const URL_WS = URL_HTTP.replace(/^http/, 'ws');

/** Runs an operation by hand, without any client. */
export async function run(query, variables = {}, token = undefined) {
  const headers = { 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(URL_HTTP, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** A token of one of the demo city's accounts. */
export async function token(login) {
  const query = 'mutation($input: LoginInput!) { login(input: $input) { token userErrors { code } } }';
  const data = await run(query, { input: { login, password: 'docket-demo' } });
  assert.ok(data.login.token, JSON.stringify(data));
  return data.login.token;
}

export const RECEIVE = `mutation Receive($input: ReceiveTicketInput!) {
  receiveTicket(input: $input) { ticket { id state } position userErrors { code path message } }
}`;

/** What a ticket is received from. */
export function request() {
  return {
    kind: 'COMPLAIN',
    channel: 'phone',
    region: '东湖区',
    caller: { name: '陈女士', sex: '女', phone: '13800000042' },
    title: '夜间施工噪音扰民',
    body: '长江路工地连续三晚在22点以后施工,影响休息。',
    place: '长江路工地',
  };
}

/** Receives a ticket: its id, and the position of its first event. */
export async function receive(operator) {
  const { receiveTicket } = await run(RECEIVE, { input: request() }, operator);
  assert.deepEqual(receiveTicket.userErrors, []);
  return { id: receiveTicket.ticket.id, position: receiveTicket.position };
}

/** Withdraws it again: the next event of the ticket. */
export async function withdraw(operator, id) {
  const query = 'mutation($input: WithdrawTicketInput!) { withdrawTicket(input: $input) { position userErrors { code } } }';
  const { withdrawTicket } = await run(query, { input: { id, text: '来电人要求撤回' } }, operator);
  assert.deepEqual(withdrawTicket.userErrors, []);
  return withdrawTicket.position;
}

export const CHANGED = `subscription Changed($id: ID!, $after: Position) {
  ticketChanged(id: $id, after: $after) { position type ticket { state } }
}`;
