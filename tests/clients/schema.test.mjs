// The schema: Relay's compiler builds on it, and graphql-inspector finds nothing broken that is not announced.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import relay from 'relay-compiler';
import { run } from './docket.mjs';

const here = (name) => new URL(name, import.meta.url);
const text = (name) => readFile(here(name), 'utf8');

test('what a server says of itself is the committed schema', async () => {
  const committed = buildSchema(await text('../../schema.graphql'));
  const told = buildClientSchema(await run(getIntrospectionQuery({ specifiedByUrl: true, inputValueDeprecation: true })));
  assert.equal(printSchema(lexicographicSortSchema(told)), printSchema(lexicographicSortSchema(committed)));
});

/** Compiles one source file against the schema; what the compiler wrote, by file. */
async function compile(source, schema) {
  const folder = await mkdtemp(join(tmpdir(), 'docket-relay-'));
  try {
    await mkdir(join(folder, 'src'));
    await writeFile(join(folder, 'schema.graphql'), schema);
    await writeFile(join(folder, 'src', 'Inbox.js'), source);
    const config = { src: 'src', schema: 'schema.graphql', language: 'javascript', eagerEsModules: true };
    await writeFile(join(folder, 'relay.config.json'), JSON.stringify(config));
    await writeFile(join(folder, 'package.json'), '{}');
    await promisify(execFile)(relay, ['relay.config.json'], { cwd: folder });
    return await readdir(join(folder, 'src', '__generated__'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const WORKBENCH = `
  graphql\`
    query InboxQuery($tab: InboxTab!) {
      ...Inbox_rows @arguments(tab: $tab)
      me { id name }
    }
  \`;
  graphql\`
    fragment Inbox_rows on Query
      @argumentDefinitions(tab: { type: "InboxTab!" }, count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
      @refetchable(queryName: "InboxPageQuery") {
      inbox(tab: $tab, first: $count, after: $cursor) @connection(key: "Inbox_inbox") {
        edges { node { overdue ticket { id ...Inbox_ticket } } }
      }
    }
  \`;
  graphql\`
    fragment Inbox_ticket on Ticket
      @argumentDefinitions(steps: { type: "Int", defaultValue: 20 }, before: { type: "String" })
      @refetchable(queryName: "TicketTimelineQuery") {
      id number state availableActions
      timeline(last: $steps, before: $before) @connection(key: "Inbox_timeline") { edges { node { type at } } }
    }
  \`;
  graphql\`
    mutation InboxSignMutation($input: SignTicketInput!) {
      signTicket(input: $input) { ticket { ...Inbox_ticket } userErrors { code path message } }
    }
  \`;
  graphql\`
    subscription InboxChangedSubscription($after: Position) {
      inboxChanged(after: $after) { position ticket { ...Inbox_ticket } }
    }
  \`;
`;

test("Relay's compiler takes the schema", async () => {
  const schema = await text('../../schema.graphql');
  const written = await compile(WORKBENCH, schema);
  assert.deepEqual(written.sort(), [
    'InboxChangedSubscription.graphql.js',
    'InboxPageQuery.graphql.js',
    'InboxQuery.graphql.js',
    'InboxSignMutation.graphql.js',
    'Inbox_rows.graphql.js',
    'Inbox_ticket.graphql.js',
    'TicketTimelineQuery.graphql.js',
  ]);
  // And it looks: a field that is not there is an error.
  await assert.rejects(compile(WORKBENCH.replace('number state', 'nothing state'), schema));
});

/** Changes that break clients, and that no line of the notes names. */
async function unannounced(from, to, notes) {
  const changes = await diff(buildSchema(from), buildSchema(to));
  const breaking = changes.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking);
  return breaking.filter(({ path }) => !notes.includes(`\`${path}\``)).map(({ message }) => message);
}

test('nothing breaks that docs/schema-changes.md does not announce', async () => {
  const baseline = await text('schema-baseline.graphql');
  const [schema, notes] = [await text('../../schema.graphql'), await text('../../docs/schema-changes.md')];
  assert.deepEqual(await unannounced(baseline, schema, notes), []);
});

test('what breaks is found, and an announcement lets it pass', async () => {
  const [from, to] = ['type Query { a: Int b: Int }', 'type Query { a: Int }'];
  assert.deepEqual(await unannounced(from, to, ''), ["Field 'b' was removed from object type 'Query'"]);
  assert.deepEqual(await unannounced(from, to, '- `Query.b` went; ask for `Query.a`.'), []);
  assert.deepEqual(await unannounced(to, from, ''), []);
});
