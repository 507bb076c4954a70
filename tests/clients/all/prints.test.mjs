// Chromium: the four forms (打印), opened by their links and put on A4 as a workbench does it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { RECEIVE, SERVER, request, run, token } from '../docket.mjs';

const TITLES = { ACCEPTANCE: '受理单', ASSIGNMENT: '下派单', SUPERVISION: '督办单', URGING: '催办通知书' };
/** A4, and how near to its edge nothing stands (what printers cannot reach is less), in points. */
const [WIDTH, HEIGHT, EDGE] = [595.28, 841.89, 14];

const tokens = {};
let browser;
let ordinary;

before(async () => {
  for (const login of ['operator', 'dispatcher', 'cgj-clerk', 'supervisor', 'auditor']) tokens[login] = await token(login);
  // Playwright looks for a browser it brought itself, or at a path.
  const executablePath = process.env.PATH.split(delimiter).map((folder) => join(folder, 'chromium')).find(existsSync);
  assert.ok(executablePath, 'there is no chromium; tests/run --all installs it');
  browser = await chromium.launch({ executablePath });
  ordinary = await urgedTicket('长江路工地连续三晚在22点以后施工,影响休息。<b>"请管管"</b>');
});

after(() => browser?.close());

async function does(login, action, input) {
  const type = `${action[0].toUpperCase()}${action.slice(1)}Input`;
  const query = `mutation($input: ${type}!) { ${action}(input: $input) { userErrors { code message } } }`;
  const done = await run(query, { input }, tokens[login]);
  assert.deepEqual(done[action].userErrors, [], action);
}

/** A ticket that there is every form of: with an office, supervised and urged. */
async function urgedTicket(body) {
  const { receiveTicket } = await run(RECEIVE, { input: { ...request(), body } }, tokens.operator);
  assert.deepEqual(receiveTicket.userErrors, []);
  const { id } = receiveTicket.ticket;
  const { departments } = await run('{ departments { id name } }', {}, tokens.dispatcher);
  const leadId = departments.find(({ name }) => name === '城市管理局').id;
  await does('dispatcher', 'assignTicket', { id, leadId, instruction: '请到现场核实' });
  await does('cgj-clerk', 'signTicket', { id });
  await does('supervisor', 'superviseTicket', { id, level: 'LISTED', text: '群众反映强烈' });
  await does('supervisor', 'urgeTicket', { id, text: '请今日答复来电人' });
  const { ticket } = await run('query($id: ID!) { ticket(id: $id) { number } }', { id }, tokens.dispatcher);
  return { id, number: ticket.number, body };
}

async function print(login, input) {
  const query = `mutation($input: PrintTicketInput!) {
    printTicket(input: $input) { url expiresAt position userErrors { code } } }`;
  const { printTicket } = await run(query, { input }, tokens[login]);
  assert.deepEqual(printTicket.userErrors, []);
  return printTicket;
}

/** Opens a link in a tab of its own: the answer, what else was asked for, and what the browser complained of. */
async function open(url) {
  const tab = await browser.newPage();
  const [asked, complaints] = [[], []];
  tab.on('request', (request) => asked.push(request.url()));
  tab.on('requestfailed', (request) => complaints.push(request.url()));
  tab.on('console', (message) => complaints.push(message.text()));
  tab.on('pageerror', (error) => complaints.push(String(error)));
  const response = await tab.goto(SERVER + url);
  return { tab, response, asked, complaints };
}

/** A PDF's pages: of each the size, the text without spaces, and the boxes of its words. */
async function onPaper(tab) {
  // Asked for headers and footers, as many a browser is set: the forms leave them no room.
  const pdf = await tab.pdf({ preferCSSPageSize: true, displayHeaderFooter: true });
  const read = (how) => execFileSync('pdftotext', [how, '-', '-'], { input: pdf, encoding: 'utf8' });
  const texts = read('-raw').split('\f').map((text) => text.replace(/\s/g, ''));
  const boxes = read('-bbox').split('<page ').slice(1);
  return boxes.map((page, n) => {
    const numbers = (text) => text.match(/"[-\d.]+"/g).map((number) => Number(number.slice(1, -1)));
    const [width, height] = numbers(page.slice(0, page.indexOf('>')));
    return { width, height, text: texts[n], words: page.match(/<word [^>]*>/g).map(numbers) };
  });
}

/** What is wrong with a form's table as it is laid out for paper. */
function flaws() {
  const table = document.querySelector('dl').getBoundingClientRect();
  const near = (one, other) => Math.abs(one - other) < 2;
  const rows = Map.groupBy(document.querySelectorAll('dl > div'), (cell) => Math.round(cell.getBoundingClientRect().top));
  const holes = [...rows.values()].filter((cells) => {
    const boxes = cells.map((cell) => cell.getBoundingClientRect());
    const whole = boxes.every((box, n) => near(box.left, n ? boxes[n - 1].right : table.left));
    return !whole || !near(boxes.at(-1).right, table.right);
  });
  const parts = [...document.querySelectorAll('main *')];
  const cut = parts.filter((part) => part.clientWidth && part.scrollWidth > part.clientWidth + 1);
  return [...holes.flat(), ...cut].map((part) => part.textContent);
}

/** Characters that look like another: those no font here has, all of which are the same box. */
function lookAlikes() {
  const picture = (character) => {
    const pencil = document.createElement('canvas').getContext('2d');
    pencil.font = `40px ${getComputedStyle(document.body).fontFamily}`;
    pencil.fillText(character, 0, 60);
    return pencil.canvas.toDataURL();
  };
  const characters = new Set(document.body.textContent.replace(/\s/g, ''));
  return [...Map.groupBy(characters, picture).values()].filter((alike) => alike.length > 1).map((alike) => alike.join(''));
}

for (const [form, title] of Object.entries(TITLES)) {
  test(`${title} is one page of A4`, async () => {
    const { url } = await print('supervisor', { id: ordinary.id, form });
    const { tab, response, asked, complaints } = await open(url);
    assert.equal(response.status(), 200);
    const headers = await response.allHeaders();
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/);
    assert.deepEqual(asked, [SERVER + url]);
    assert.deepEqual(complaints, []);
    assert.equal(await tab.title(), `${title} ${ordinary.number}`);

    const pages = await onPaper(tab);
    assert.equal(pages.length, 1);
    const [{ width, height, text }] = pages;
    assert.ok(Math.abs(width - WIDTH) < 1 && Math.abs(height - HEIGHT) < 1, `${width} x ${height}`);
    for (const wanted of [title, `编号No.${ordinary.number}`, ordinary.body, '夜间施工噪音扰民', '陈*士', '城市管理局']) {
      assert.ok(text.includes(wanted), `${wanted}: ${text}`);
    }
    assert.ok(!text.includes('13800000042'), `masked if nothing else is said: ${text}`);
    assert.ok(!text.includes(new URL(SERVER).host), `a footer of the browser: ${text}`);
    await tab.emulateMedia({ media: 'print' });
    assert.deepEqual(await tab.evaluate(flaws), []);
    assert.deepEqual(await tab.evaluate(lookAlikes), []);
    await tab.close();
  });
}

test('a long form keeps its distance from the edge, and says on every page whose it is', async () => {
  const lines = Array.from({ length: 90 }, (_, n) => `第${n + 1}晚,长江路工地在22点以后施工,影响休息,请尽快处理。`);
  const { id, number } = await urgedTicket(lines.join('\n'));
  const { url } = await print('dispatcher', { id, form: 'ASSIGNMENT' });
  const { tab } = await open(url);
  const pages = await onPaper(tab);
  assert.ok(pages.length > 1, String(pages.length));
  for (const { text, words } of pages) {
    assert.ok(text.includes(`下派单${number}`), text);
    const apart = ([left, top, right, bottom]) =>
      left > EDGE && top > EDGE && right < WIDTH - EDGE && bottom < HEIGHT - EDGE;
    assert.deepEqual(words.filter((box) => !apart(box)), []);
  }
  const whole = pages.map(({ text }) => text).join('');
  for (const line of lines) assert.ok(whole.includes(line.slice(0, 8)), `${line}: ${whole}`);
  await tab.close();
});

test('a link works once, for two minutes, and no other does', async () => {
  const asked = Date.now();
  const { url, expiresAt } = await print('supervisor', { id: ordinary.id, form: 'URGING' });
  const lasts = Date.parse(expiresAt) - asked;
  assert.ok(lasts >= 120_000 && lasts <= 120_000 + Date.now() - asked, `${lasts} ms`);
  const other = url.slice(0, -1) + (url.endsWith('0') ? '1' : '0');
  for (const [link, status] of [[other, 404], [url, 200], [url, 404]]) {
    const { tab, response } = await open(link);
    assert.equal(response.status(), status, link);
    if (status === 404) assert.ok(!(await tab.content()).includes(ordinary.number), link);
    await tab.close();
  }
});

test('every print is on record: who, when, which form, masked or not, what for', async () => {
  const begun = Date.now();
  const masked = await print('cgj-clerk', { id: ordinary.id, form: 'ASSIGNMENT' });
  const clear = await print('supervisor', { id: ordinary.id, form: 'SUPERVISION', masked: false, purpose: '上门核实' });
  const { tab } = await open(clear.url);
  const [{ text }] = await onPaper(tab);
  assert.ok(text.includes('13800000042'), text);
  await tab.close();

  const { ticket } = await run(
    `query($id: ID!, $at: Position) { ticket(id: $id, minPosition: $at) {
      timeline(last: 200) { nodes { type at position by { name } texts { text } } } } }`,
    { id: ordinary.id, at: clear.position }, tokens.auditor,
  );
  const steps = ticket.timeline.nodes.filter(({ type }) => type === 'printed').slice(-2);
  assert.deepEqual(steps.map(({ position }) => position), [masked.position, clear.position]);
  for (const { at } of steps) assert.ok(Date.parse(at) >= begun && Date.parse(at) <= Date.now(), at);
  assert.deepEqual(steps.map(({ by }) => by.name), ['城市管理局经办', '督办员']);
  assert.deepEqual(steps.map(({ texts }) => texts), [[], [{ text: '上门核实' }]]);

  const { events } = await run(
    'query($after: String) { events(after: $after, filter: { type: "printed" }, first: 2) { nodes { position data } } }',
    { after: String(BigInt(masked.position) - 1n) }, tokens.auditor,
  );
  const records = events.nodes.map(({ position, data }) => {
    const { form, masked } = JSON.parse(data);
    return { position, form, masked };
  });
  assert.deepEqual(records, [
    { position: masked.position, form: 'assignment', masked: true },
    { position: clear.position, form: 'supervision', masked: false },
  ]);
});
